"""Which program or language model criticises and corrects the attempts at a task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from stepwise.errors import StepwiseError
from stepwise.generation import make_backend
from stepwise.methods.tripost.roles import Improver, Verifier
from stepwise.methods.tripost.teacher.answers import Answers
from stepwise.methods.tripost.teacher.llm import LlmImprover, LlmSettings, LlmVerifier
from stepwise.methods.tripost.verifiers.arithmetic import ArithmeticVerifier
from stepwise.methods.tripost.verifiers.arithmetic_improver import ArithmeticImprover
from stepwise.methods.tripost.verifiers.dates import DateVerifier
from stepwise.methods.tripost.verifiers.dates_improver import DateImprover
from stepwise.methods.tripost.verifiers.deduction import DeductionVerifier
from stepwise.methods.tripost.verifiers.deduction_improver import DeductionImprover
from stepwise.methods.tripost.verifiers.sorting import SortingVerifier
from stepwise.methods.tripost.verifiers.sorting_improver import SortingImprover
from stepwise.params.tripost import EditParams, Role
from stepwise.tasks.base import Task
from stepwise.tasks.date_understanding import DateUnderstanding
from stepwise.tasks.logical_deduction import LogicalDeduction
from stepwise.tasks.multistep_arithmetic import MultistepArithmetic
from stepwise.tasks.word_sorting import WordSorting

SCRIPTED: dict[str, tuple[Verifier, Improver]] = {
    MultistepArithmetic.name: (ArithmeticVerifier(), ArithmeticImprover()),
    WordSorting.name: (SortingVerifier(), SortingImprover()),
    DateUnderstanding.name: (DateVerifier(), DateImprover()),
    LogicalDeduction.name: (DeductionVerifier(), DeductionImprover()),
}
"""The scripted verifier and improver of each task that has them. They keep no state between calls."""


class TeacherError(StepwiseError, ValueError):
    """There is no such teacher for a task; the message names those that there are."""


def scripted_teacher(task_name: str) -> tuple[Verifier, Improver]:
    """The scripted verifier and improver of a task. Raises TeacherError if it has none."""
    if task_name not in SCRIPTED:
        raise TeacherError(
            f"the task {task_name} has no scripted verifier and improver; choose one of {', '.join(SCRIPTED)}"
        )
    return SCRIPTED[task_name]


def make_teacher(
    task: Task,
    *,
    verifier: Role = "scripted",
    improver: Role = "scripted",
    answers: Answers | None = None,
    settings: LlmSettings | None = None,
) -> tuple[Verifier, Improver]:
    """The verifier and the improver of a task, each a program or a language model.

    Args:
        task: what the attempts are about.
        verifier: who finds errors.
        improver: who corrects them.
        answers: the language model; needed if either is one.
        settings: how it is used.

    Raises:
        TeacherError: The task has no such program, or there is no language model.
        ShotsError: The task has no examples for a language model.
    """
    settings = settings or LlmSettings()
    name = task.name
    return (
        LlmVerifier(task, _needed(answers), settings) if verifier == "llm" else scripted_teacher(name)[0],
        LlmImprover(task, _needed(answers), settings) if improver == "llm" else scripted_teacher(name)[1],
    )


def roles_of(
    task: Task, params: EditParams, load: Callable[[], tuple[Any, Any]], answers: Path, *, seed: int
) -> tuple[Verifier, Improver]:
    """The verifier and the improver that the parameters name.

    `load` returns the language model and its tokenizer; it is called if the model is to answer in this process.
    `answers` is the file that keeps the model's answers.

    Raises:
        TeacherError: the task has no such program.
        ShotsError: the task has no examples for a language model.
    """
    settings = LlmSettings(
        may_be_correct=params.may_be_correct,
        verdict_tokens=params.verdict_tokens,
        update_tokens=params.update_tokens,
        update_temperature=params.update_temperature,
        seed=seed,
    )
    needs_model = "llm" in (params.verifier, params.improver)
    model = Answers(make_backend(params.backend, load=load), answers) if needs_model else None
    return make_teacher(task, verifier=params.verifier, improver=params.improver, answers=model, settings=settings)


def _needed(answers: Answers | None) -> Answers:
    if answers is None:
        raise TeacherError("a language model is to verify or improve, but none is given; name one or choose `scripted`")
    return answers
