"""What every algorithm takes besides policy, prompts and parameters, and what it returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stepwise.training.resumable_run import TrainSetup

RewardFunction = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
"""Scores of completions, given the ids of their prompts and their texts, in order; 1 means right."""


@dataclass(frozen=True, kw_only=True)
class RlSetup(TrainSetup):
    """How a policy is trained and where it is written.

    A completion ends with EOS, with one of the `stop` strings, or after `max_new_tokens`.
    """

    max_new_tokens: int
    stop: tuple[str, ...] = ()
    generation_tokens: int = 16384
    """Most tokens that are cached at once while completions are sampled."""


@dataclass
class RlResult:
    """What a run did. A row of `curve` has the metrics of a step, or their means over the steps since the last row."""

    steps: int
    prompts: int
    left_out: dict[str, int]
    """Prompts that were not trained on, by reason."""
    seconds: dict[str, float]
    """Of this process, by part of a step."""
    spent: dict[str, float] = field(default_factory=dict)
    """optimizer_steps, generated_tokens and, for PPO, trained_tokens (prompts included, once a pass)."""
    best_step: int | None = None
    best_score: float | None = None
    curve: list[dict[str, float]] = field(default_factory=list)
