"""What a GRPO or RLOO run is told before it starts: which questions, which parameters, which weights learn."""

from __future__ import annotations

import math
from typing import Any

from stepwise.params import ParamsError, ReftParams
from stepwise.training.batching import plan_steps

PPO_ONLY = ("separate_value_model", "value_warm_up", "bootstrap_truncated", "missing_eos_penalty", "target_kl")
"""Parameters that only our own PPO knows."""


def plan_questions(names: list[str], params: ReftParams, seed: int) -> list[list[str]]:
    """The question ids of each step: passes over all questions, each in a new order."""
    epochs = math.ceil(params.steps * params.prompts / len(names))
    plan = plan_steps(len(names), epochs=epochs, batch=params.prompts, seed=seed)
    return [[names[index] for index in step] for step in plan[: params.steps]]


def check(params: ReftParams, questions: int) -> None:
    """Raise one ParamsError for what these algorithms cannot do."""
    if params.algorithm not in ("grpo", "rloo"):
        raise ParamsError(f"reft.algorithm: {params.algorithm!r} is not TRL's; grpo and rloo are")
    if params.samples < 2:
        raise ParamsError(f"reft.samples is {params.samples}; {params.algorithm} compares completions: at least 2")
    if not questions:
        raise ParamsError("there is no question to train on; raise task.NAME.train")
    only = [*PPO_ONLY, *(["entropy_coefficient"] if params.algorithm == "rloo" else [])]
    wrong = [name for name in only if getattr(params, name)]
    if wrong:
        raise ParamsError(f"reft.{', reft.'.join(wrong)}: not known to {params.algorithm}; leave it off or take ppo")


def with_lora(model: Any, params: ReftParams, seed: int) -> Any:
    """The model with fresh adapters; only they learn, and without them it is the reference."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    lora = params.lora
    return get_peft_model(
        model,
        LoraConfig(r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(lora.targets)),
    )
