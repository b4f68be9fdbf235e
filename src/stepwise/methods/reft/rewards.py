"""What a checked answer is worth: 1 if it is right, a little if it is a wrong number, otherwise nothing.

ReFT, section 3.2. The released code gives the partial reward to whatever `float` accepts (`nan` and `inf`, too) and, on
tasks whose answers are letters, to every text; here only finite numbers get it, as the paper says. `correct` is the
robust check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stepwise.records import Problem, Verdict
from stepwise.tasks.answers.numbers import plain_number
from stepwise.tasks.base import Task

if TYPE_CHECKING:
    from stepwise.rl.setup import RewardFunction


def score(verdict: Verdict, partial: float) -> float:
    """1 for a right answer, `partial` for a wrong finite number, 0 for anything else."""
    if verdict.correct:
        return 1.0
    return partial if _is_number(verdict.answer) else 0.0


def checked_answers(task: Task, problems: Mapping[str, Problem], partial: float) -> RewardFunction:
    """The reward function of a task; all completions of a step are checked in one call of its sandbox pool."""

    def reward(ids: Sequence[str], texts: Sequence[str]) -> list[float]:
        verdicts = task.check_many([(problems[name], text) for name, text in zip(ids, texts, strict=True)])
        return [score(verdict, partial) for verdict in verdicts]

    return reward


def _is_number(answer: str | None) -> bool:
    return answer is not None and plain_number(answer.replace(",", "")) is not None
