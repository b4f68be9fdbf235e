"""What REFINER asks of a task's domain: an oracle that compares with the gold, and wrong solutions of known kinds.

`z` is the intermediate representation (a formula, inference steps, a norm), `y` the answer that follows from it. A
solution's text may hold both; the feedback is about z alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol

from stepwise.errors import StepwiseError
from stepwise.methods.refiner.feedback import Fault, Templates
from stepwise.records import Problem


class DomainError(StepwiseError, ValueError):
    """A problem that a domain cannot judge solutions of, because its reference is missing or unreadable."""


class Domain(Protocol):
    """One task as REFINER sees it. A problem here always has a reference solution."""

    @property
    def templates(self) -> Templates:
        """The sentences of its faults; their keys are the kinds of error."""
        ...

    def oracle(self, problem: Problem, text: str) -> tuple[Fault, ...]:
        """What is wrong with the z of a solution, in the order of its steps; empty exactly if `equivalent`.

        Never raises on model text: text that cannot be read has a fault of its own kind.
        """
        ...

    def perturb(self, problem: Problem, kind: str, rng: random.Random) -> str | None:
        """A solution whose faults are exactly one of `kind`, or None if this problem has no such solution."""
        ...

    def exact(self, problem: Problem, text: str) -> bool:
        """Whether z is the gold's, up to blanks and the order of commutative operands or of independent steps."""
        ...

    def equivalent(self, problem: Problem, text: str) -> bool:
        """Whether z says the same as the gold: algebraically equal formulas, the same set of steps."""
        ...

    def judged(self, text: str) -> str:
        """The part of a solution that a critic reads: its z, without a y from which it could guess what is wrong."""
        ...

    def listed(self, problem: Problem) -> Sequence[tuple[str, str]]:
        """Published solutions of a problem, each with its kind of error or RIGHT; empty if a task has none.

        The critic learns from them instead of perturbed solutions.
        """
        ...
