"""Which program or model criticises and corrects the attempts at a task."""

from __future__ import annotations

from stepwise.errors import StepwiseError
from stepwise.methods.tripost.roles import Improver, Verifier
from stepwise.methods.tripost.verifiers.arithmetic import ArithmeticVerifier
from stepwise.methods.tripost.verifiers.arithmetic_improver import ArithmeticImprover
from stepwise.methods.tripost.verifiers.dates import DateVerifier
from stepwise.methods.tripost.verifiers.dates_improver import DateImprover
from stepwise.methods.tripost.verifiers.sorting import SortingVerifier
from stepwise.methods.tripost.verifiers.sorting_improver import SortingImprover
from stepwise.tasks.date_understanding import DateUnderstanding
from stepwise.tasks.multistep_arithmetic import MultistepArithmetic
from stepwise.tasks.word_sorting import WordSorting

SCRIPTED: dict[str, tuple[Verifier, Improver]] = {
    MultistepArithmetic.name: (ArithmeticVerifier(), ArithmeticImprover()),
    WordSorting.name: (SortingVerifier(), SortingImprover()),
    DateUnderstanding.name: (DateVerifier(), DateImprover()),
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
