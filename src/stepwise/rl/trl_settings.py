"""RlParams in TRL's terms: what GRPO and RLOO cannot do is an error, everything else becomes their configuration."""

from __future__ import annotations

from typing import Any

from stepwise.params import ParamsError, RlParams
from stepwise.rl.setup import RlSetup

PPO_ONLY = ("separate_value_model", "value_warm_up", "bootstrap_truncated", "missing_eos_penalty", "target_kl")
"""Parameters that only our own PPO supports."""


def check_params(params: RlParams, prompts: int) -> None:
    """Raise one ParamsError for what these algorithms cannot do."""
    if params.algorithm not in ("grpo", "rloo"):
        raise ParamsError(f"algorithm: {params.algorithm!r} is not TRL's; grpo and rloo are")
    if params.samples < 2:
        raise ParamsError(f"samples is {params.samples}; {params.algorithm} compares completions and needs at least 2")
    if not prompts:
        raise ParamsError("there is no prompt to train on; raise task.NAME.train")
    unsupported = [*PPO_ONLY, *(["entropy_coefficient"] if params.algorithm == "rloo" else [])]
    wrong = [name for name in unsupported if getattr(params, name)]
    if wrong:
        raise ParamsError(f"{', '.join(wrong)}: not known to {params.algorithm}; leave it off or choose ppo")


def passes(params: RlParams, longest: int, world: int) -> tuple[int, int]:
    """(completions a forward pass, passes an optimiser step) of each of `world` processes.

    A pass has at most `batch_tokens` tokens if every sequence is as long as the `longest`.
    """
    rows, rest = divmod(params.prompts * params.samples, world * params.mini_batches)
    if rest:
        raise ParamsError(
            f"prompts x samples is {params.prompts * params.samples}; make it a multiple of "
            f"mini_batches x processes, {world * params.mini_batches}"
        )
    fitting = max(1, params.batch_tokens // longest)
    size = max(size for size in range(1, rows + 1) if rows % size == 0 and size <= fitting)
    return size, rows // size


def trl_config(params: RlParams, setup: RlSetup, *, steps: int, longest: int, checkpointing: bool) -> Any:
    """A GRPOConfig or RLOOConfig for so many reinforcement steps on sequences of at most `longest` tokens.

    With `checkpointing` activations are recomputed in the backward pass.
    """
    import torch
    from accelerate import PartialState
    from trl import GRPOConfig, RLOOConfig  # type: ignore[attr-defined]

    cpu = not torch.cuda.is_available()
    micro, accumulation = passes(params, longest, PartialState(cpu=cpu).num_processes)
    updates = params.inner_epochs * params.mini_batches
    common: dict[str, Any] = {
        "output_dir": str(setup.work / "trl"),
        "max_steps": steps * updates,
        "per_device_train_batch_size": micro,
        "gradient_accumulation_steps": accumulation,
        "steps_per_generation": accumulation * params.mini_batches,
        "num_generations": params.samples,
        "num_iterations": params.inner_epochs,
        "shuffle_dataset": False,
        "learning_rate": params.learning_rate * setup.learning_rate_scale,
        "lr_scheduler_type": "constant",
        "max_grad_norm": params.clip,
        "epsilon": params.clip_ratio,
        "beta": params.kl_coefficient,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "top_k": params.top_k,
        "max_completion_length": setup.max_new_tokens,
        "disable_dropout": True,
        "bf16": params.precision == "bf16",
        "gradient_checkpointing": checkpointing,
        "use_cpu": cpu,
        "seed": setup.seed,
        "logging_steps": updates,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
    }
    if params.algorithm == "rloo":
        return RLOOConfig(normalize_advantages=params.whitening == "global", **common)
    scale = "none" if params.whitening == "none" else "group"
    return GRPOConfig(loss_type="grpo", scale_rewards=scale, entropy_coef=params.entropy_coefficient, **common)
