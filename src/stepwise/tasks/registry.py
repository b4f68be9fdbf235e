"""The tasks by name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from stepwise.params import ParamsError, TaskParams
from stepwise.tasks.arc_challenge import ArcChallenge
from stepwise.tasks.base import Task
from stepwise.tasks.date_understanding import DateUnderstanding
from stepwise.tasks.ecqa import Ecqa
from stepwise.tasks.gsm8k import Gsm8k, Gsm8kText
from stepwise.tasks.hellaswag import HellaSwag
from stepwise.tasks.logical_deduction import LogicalDeduction
from stepwise.tasks.math import Math
from stepwise.tasks.mathqa import MathQa, MathQaNumeric
from stepwise.tasks.mmlu_pro import MmluPro
from stepwise.tasks.moral_stories import MoralStories
from stepwise.tasks.multistep_arithmetic import MultistepArithmetic
from stepwise.tasks.proofwriter import ProofWriter
from stepwise.tasks.svamp import Svamp
from stepwise.tasks.svamp_formulas import SvampFormulas
from stepwise.tasks.synthetic_reasoning import SyntheticReasoning
from stepwise.tasks.word_problems import WordProblems, WordProblemsFormula, WordProblemsText
from stepwise.tasks.word_sorting import WordSorting

TASKS: dict[str, Callable[..., Task]] = {
    "multistep_arithmetic": MultistepArithmetic,
    "word_sorting": WordSorting,
    "date_understanding": DateUnderstanding,
    "logical_deduction": LogicalDeduction,
    "synthetic_reasoning": SyntheticReasoning,
    "word_problems": WordProblems,
    "word_problems_text": WordProblemsText,
    "word_problems_formula": WordProblemsFormula,
    "gsm8k": Gsm8k,
    "gsm8k_text": Gsm8kText,
    "svamp": Svamp,
    "svamp_formulas": SvampFormulas,
    "mathqa": MathQa,
    "mathqa_numeric": MathQaNumeric,
    "math": Math,
    "ecqa": Ecqa,
    "hellaswag": HellaSwag,
    "proofwriter": ProofWriter,
    "arc_challenge": ArcChallenge,
    "mmlu_pro": MmluPro,
    "moral_stories": MoralStories,
}


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
    return TASKS[name](params=params, seed=seed, data=data)
