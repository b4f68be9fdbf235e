"""Hand-written few-shot examples, for the tasks that have them."""

from __future__ import annotations

import random
from collections.abc import Callable

from stepwise.records import Problem
from stepwise.tasks.base import Task
from stepwise.tasks.published.choice_task import ChoiceTask
from stepwise.tasks.published.without_training import BenchmarkOnly


def hand_written_shots(task: Task, count: int, seed: int) -> Callable[[Problem], list[Problem]] | None:
    """A function that picks up to `count` examples for a problem; None if the task has none.

    The seed decides their order, and no example is a dev problem. For a benchmark without a training set (MMLU-Pro),
    examples from the problem's own field come first. For other tasks the choice ignores difficulty, which may be known
    only from the solution.
    """
    by_field = isinstance(task, BenchmarkOnly)
    if by_field:
        pool = list(task.load("train").problems)
    else:
        pool = task.hand_written() if isinstance(task, ChoiceTask) else []
    random.Random(f"{seed}/{task.name}/shots").shuffle(pool)

    def shots_for(problem: Problem) -> list[Problem]:
        return (sorted(pool, key=lambda shot: shot.difficulty != problem.difficulty) if by_field else pool)[:count]

    return shots_for if pool else None
