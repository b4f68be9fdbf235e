"""What a checked answer is worth: 1 for a right one, a little for a wrong one that can be read, else nothing.

ReFT, section 3.2. The released code gives the little to whatever `float` takes (`nan` and `inf` too) and, where answers
are letters, to every text; here it is for finite numbers alone, as the paper says, and `correct` is the robust check.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from stepwise.records import Problem, Verdict
from stepwise.tasks.answers.numbers import plain_number
from stepwise.tasks.base import Task

if TYPE_CHECKING:
    from stepwise.rl.rollout import RewardFunction


def score(verdict: Verdict, partial: float) -> float:
    """1 for a right answer, `partial` for a wrong finite number, 0 for anything else."""
    if verdict.correct:
        return 1.0
    return partial if _is_number(verdict.answer) else 0.0


def checked_answers(task: Task, problems: Mapping[str, Problem], partial: float) -> RewardFunction:
    """The reward function of a task: all completions of a step are checked in one call of its sandbox pool."""

    def reward(ids: Sequence[str], texts: Sequence[str]) -> list[float]:
        verdicts = task.check_many([(problems[name], text) for name, text in zip(ids, texts, strict=True)])
        return [score(verdict, partial) for verdict in verdicts]

    return reward


def _is_number(answer: str | None) -> bool:
    return answer is not None and plain_number(answer.replace(",", "")) is not None
