"""Date understanding: an attempt continued correctly from its erroneous step, in place of a language model."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.methods.tripost.verifiers.dates import DateWalk, date_walk
from stepwise.methods.tripost.verifiers.walk import UnreadableStepError, completed
from stepwise.records import Feedback, Problem, Solution, Step
from stepwise.tasks.date_understanding import shifted
from stepwise.tasks.generated.scripted import FINAL


class DateImprover:
    """An Improver of date understanding. After the task solver's own steps it continues as the solver does."""

    def improve(
        self,
        problem: Problem,
        solution: Solution,  # noqa: ARG002 - the prefix says all
        feedback: Feedback,  # noqa: ARG002
        prefix: Sequence[Step],
    ) -> Solution | None:
        """The prefix and a verified continuation.

        None if the prefix is wrong, the question is not in the task's own words, or no option has its date.
        """
        walk = date_walk(problem)
        if walk is None:
            return None
        improved = completed(walk, prefix, lambda: _next_step(walk))
        return improved and improved.model_copy(update={"answer": walk.option()})


def _next_step(walk: DateWalk) -> tuple[str, str]:
    """The id and text of the step that is due."""
    number = str(walk.steps + 1)
    if walk.day is None:
        return number, walk.stated_step
    if walk.remaining:
        return number, shifted(walk.remaining[0], walk.day)
    letter = walk.option()
    if letter is None:
        raise UnreadableStepError
    return FINAL, f"So the answer is ({letter})."
