"""Solved examples to show before a question: hand-written ones where a task has them, else training problems."""

from __future__ import annotations

import random

from stepwise.records import Problem
from stepwise.tasks.base import Task
from stepwise.tasks.benchmark_only import BenchmarkOnly
from stepwise.tasks.choice_task import ChoiceTask


def shots(task: Task, count: int, seed: int, like: Problem | None = None) -> list[Problem]:
    """Up to `count` problems with solutions in steps, drawn by the seed, never of dev or test.

    With `like`, examples of a benchmark that has no training set come from the question's own field first (MMLU-Pro).
    Elsewhere `like` does not matter: how hard a question is may be known from its solution only.
    """
    pool = [one for one in _pool(task) if one.reference is not None and one.reference.steps]
    random.Random(f"{seed}/{task.name}/shots").shuffle(pool)
    if like is not None and isinstance(task, BenchmarkOnly):
        pool.sort(key=lambda one: one.difficulty != like.difficulty)
    return pool[:count]


def _pool(task: Task) -> list[Problem]:
    """The hand-written problems, if training does not have them already, else the training problems."""
    if isinstance(task, ChoiceTask) and not isinstance(task, BenchmarkOnly) and (own := task.hand_written()):
        return own
    return list(task.load("train").problems)
