"""The tasks by name."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from stepwise.params import ParamsError, TaskParams
from stepwise.tasks.base import Task

TASKS = {
    "multistep_arithmetic": "stepwise.tasks.multistep_arithmetic:MultistepArithmetic",
    "word_sorting": "stepwise.tasks.word_sorting:WordSorting",
    "word_problems": "stepwise.tasks.word_problems:WordProblems",
    "word_problems_text": "stepwise.tasks.word_problems:WordProblemsText",
    "gsm8k": "stepwise.tasks.gsm8k:Gsm8k",
    "gsm8k_text": "stepwise.tasks.gsm8k:Gsm8kText",
    "svamp": "stepwise.tasks.svamp:Svamp",
    "mathqa": "stepwise.tasks.mathqa:MathQa",
    "mathqa_numeric": "stepwise.tasks.mathqa:MathQaNumeric",
    "math": "stepwise.tasks.math:Math",
    "ecqa": "stepwise.tasks.ecqa:Ecqa",
    "hellaswag": "stepwise.tasks.hellaswag:HellaSwag",
    "proofwriter": "stepwise.tasks.proofwriter:ProofWriter",
    "arc_challenge": "stepwise.tasks.arc_challenge:ArcChallenge",
    "mmlu_pro": "stepwise.tasks.mmlu_pro:MmluPro",
}
"""Where each task's class is. A class is imported when it is asked for, so one task's libraries burden no other."""


def get_task(name: str, params: TaskParams, *, seed: int, data: Path | None = None) -> Task:
    """The task of a name, ready to load its splits.

    Args:
        name: A key of TASKS.
        params: The task's parameters; its options are checked here.
        seed: Seed of what the task generates or draws.
        data: Folder of the real data sets, for the tasks that read one.

    Raises:
        ParamsError: The name or an option is unknown.
    """
    if name not in TASKS:
        raise ParamsError(f"there is no task {name!r}; the tasks are {', '.join(sorted(TASKS))}")
    module, _, class_name = TASKS[name].partition(":")
    task: Task = getattr(import_module(module), class_name)(params=params, seed=seed, data=data)
    return task
