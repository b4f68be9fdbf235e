"""What a GRPO or RLOO run is told before it starts, and what it says when it is over."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from stepwise.params import ParamsError, RlParams
from stepwise.training.batching import plan_steps
from stepwise.training.checkpoints import Standing


@dataclass
class PolicyResult:
    """What a run did. A row of `curve` has a step's figures (`trl_rollouts.figures`) and, where read, dev_score."""

    steps: int
    seconds: dict[str, float] = field(default_factory=dict)
    spent: dict[str, float] = field(default_factory=dict)
    """optimizer_steps and generated_tokens."""
    best_step: int | None = None
    best_score: float | None = None
    curve: list[dict[str, float]] = field(default_factory=list)


PPO_ONLY = ("separate_value_model", "value_warm_up", "bootstrap_truncated", "missing_eos_penalty", "target_kl")
"""Parameters that only our own PPO knows."""


def plan_questions(names: list[str], params: RlParams, seed: int) -> list[list[str]]:
    """The question ids of each step: passes over all questions, each in a new order."""
    epochs = math.ceil(params.steps * params.prompts / len(names))
    plan = plan_steps(len(names), epochs=epochs, batch=params.prompts, seed=seed)
    return [[names[index] for index in step] for step in plan[: params.steps]]


def check(params: RlParams, questions: int) -> None:
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


def result(params: RlParams, standing: Standing, seconds: float) -> PolicyResult:
    """A finished run's result."""
    written = params.prompts * params.samples * sum(row["response_tokens"] for row in standing.curve)
    steps = params.steps * params.inner_epochs * params.mini_batches
    spent = {"optimizer_steps": float(steps), "generated_tokens": written}
    return PolicyResult(
        params.steps, {"training": seconds}, spent, standing.best_step, standing.best_score, standing.curve
    )
