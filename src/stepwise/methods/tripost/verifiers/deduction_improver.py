"""Logical deduction: an attempt continued correctly from its erroneous step, in place of a language model."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.methods.tripost.verifiers.deduction import Deduction
from stepwise.methods.tripost.verifiers.walk import completed
from stepwise.records import Feedback, Problem, Solution, Step
from stepwise.tasks.generated.puzzles import PuzzleError
from stepwise.tasks.generated.scripted import FINAL
from stepwise.tasks.logical_deduction import Writer


class DeductionImprover:
    """An Improver of logical deduction. After the task solver's own steps it continues as the solver does."""

    def improve(
        self,
        problem: Problem,
        solution: Solution,  # noqa: ARG002 - the prefix says all
        feedback: Feedback,  # noqa: ARG002
        prefix: Sequence[Step],
    ) -> Solution | None:
        """The prefix and a verified continuation; None if the prefix is wrong or the question has no solution."""
        deduction = Deduction(problem.question, problem.choices)
        try:
            writer = Writer(problem.question, problem.choices)
            improved = completed(deduction, prefix, lambda: _next_step(deduction, writer))
        except PuzzleError:
            return None
        return improved and improved.model_copy(update={"answer": writer.letter})


def _next_step(deduction: Deduction, writer: Writer) -> tuple[str, str]:
    """The id and text of the step that is due."""
    if deduction.concluded:
        return FINAL, writer.final
    ordering = writer.next_ordering(deduction.steps, deduction.orderings)
    return str(deduction.steps + 1), writer.conclusion if ordering is None else ordering[0]
