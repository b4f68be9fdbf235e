"""Who criticises and who corrects: a program or a language model (the FBK and IMP modules of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from stepwise.records import Feedback, Problem, Solution, Step

CORRECT = Feedback(text="")
"""The feedback on an attempt in which nothing is wrong."""


class Verifier(Protocol):
    """Finds the first error of an attempt. It is never shown the gold answer."""

    def verify(self, problem: Problem, solution: Solution) -> Feedback | None:
        """The first error as a Feedback, or one without a step if the attempt is correct.

        `step` is the id of the erroneous step, `segment` the part of its text that is wrong, `kind` the category and
        `text` the reason, a clause such as `3 + 4 is not 8`. None if the attempt cannot be judged, for instance
        because a line of it cannot be read.
        """
        ...


class Improver(Protocol):
    """Corrects an attempt from its erroneous step on."""

    def improve(
        self, problem: Problem, solution: Solution, feedback: Feedback, prefix: Sequence[Step]
    ) -> Solution | None:
        """A new attempt that begins with the steps of `prefix`, or None if there is none."""
        ...


@dataclass(frozen=True)
class VerifyRequest:
    """The arguments of `Verifier.verify`."""

    problem: Problem
    solution: Solution


@dataclass(frozen=True)
class ImproveRequest:
    """The arguments of `Improver.improve`."""

    problem: Problem
    solution: Solution
    feedback: Feedback
    prefix: tuple[Step, ...]


@runtime_checkable
class BatchVerifier(Verifier, Protocol):
    """A Verifier that answers many requests faster together, with the same answers."""

    def verify_batch(self, requests: Sequence[VerifyRequest]) -> list[Feedback | None]:
        """`verify` of each request, in order."""
        ...


@runtime_checkable
class BatchImprover(Improver, Protocol):
    """An Improver that answers many requests faster together, with the same answers."""

    def improve_batch(self, requests: Sequence[ImproveRequest]) -> list[Solution | None]:
        """`improve` of each request, in order."""
        ...
