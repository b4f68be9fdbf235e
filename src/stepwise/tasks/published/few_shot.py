"""Hand-written solved examples to show before a question, of the tasks that have them."""

from __future__ import annotations

import random
from collections.abc import Callable

from stepwise.records import Problem
from stepwise.tasks.base import Task
from stepwise.tasks.published.choice_task import ChoiceTask
from stepwise.tasks.published.without_training import BenchmarkOnly


def hand_written_shots(task: Task, count: int, seed: int) -> Callable[[Problem], list[Problem]] | None:
    """What gives up to `count` examples for a problem, drawn by the seed, never of dev; None where none are written.

    Of a benchmark that has no training set those of the problem's own field come first (MMLU-Pro). Elsewhere a
    problem's difficulty does not choose its examples: it may be known from the solution only.
    """
    by_field = isinstance(task, BenchmarkOnly)
    if by_field:
        pool = list(task.load("train").problems)
    else:
        pool = task.hand_written() if isinstance(task, ChoiceTask) else []
    random.Random(f"{seed}/{task.name}/shots").shuffle(pool)

    def like(problem: Problem) -> list[Problem]:
        return (sorted(pool, key=lambda one: one.difficulty != problem.difficulty) if by_field else pool)[:count]

    return like if pool else None
