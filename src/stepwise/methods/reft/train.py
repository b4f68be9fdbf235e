"""Reinforcement on a task: what every stage that trains a policy with ReFT does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepwise import evaluation
from stepwise.methods.reft.rewards import checked_answers
from stepwise.params import BackendParams, ModelParams, TaskParams
from stepwise.params.reft import ReftParams
from stepwise.records import Problem
from stepwise.rl.algorithms import get_algorithm
from stepwise.tasks.base import Task


def train_on_task(
    task: Task,
    train: Sequence[Problem],
    dev: Sequence[Problem],
    params: ReftParams,
    *,
    of_task: TaskParams,
    of_model: ModelParams,
    backend: BackendParams,
    warm_up: Path,
    seed: int,
    work: Path,
    out: Path,
) -> Any:
    """Sample, check and learn on the questions of `train` from the model in `warm_up`; the best state by dev is kept.

    Returns the algorithm's result with `curve`, `steps`, `seconds` and `spent`.
    """
    problems = {problem.id: problem for problem in train}
    chosen = evaluation.spread(dev, params.dev_examples)
    return get_algorithm(params.algorithm)(
        warm_up,
        {name: task.prompt(problem) for name, problem in problems.items()},
        checked_answers(task, problems, params.partial_reward),
        params,
        max_new_tokens=of_task.max_new_tokens,
        stop=task.stop,
        seed=seed,
        work=work,
        out=out,
        evaluate=evaluation.dev_accuracy(task, chosen, of_task.max_new_tokens, backend.batch_tokens),
        learning_rate_scale=of_model.learning_rate_scale,
        dtype=of_model.dtype,
        generation_tokens=backend.batch_tokens,
    )
