"""REFINER's domain of linear formulas: what is wrong with one, named by operator, number and step (section 4.1).

The paper names incorrect operators, incorrect numbers and missing operators. An operation too many and text that is no
formula are kinds of their own here, since models write both.
"""

from __future__ import annotations

import random
from functools import lru_cache

from stepwise.methods.refiner.domains.base import DomainError
from stepwise.methods.refiner.domains.formula_alignment import LONGEST, aligned_faults
from stepwise.methods.refiner.domains.formula_edits import number_edits, operator_edits, removals, uses_all_steps
from stepwise.methods.refiner.domains.formula_perturbation import constants_of, perturbed
from stepwise.methods.refiner.domains.formula_values import (
    Formula,
    UnreadableStepError,
    fingerprint,
    read_formula,
    same_steps,
)
from stepwise.methods.refiner.feedback import Fault, Templates
from stepwise.records import Problem
from stepwise.tasks.formats.formulas import numbers_of

TEMPLATES = Templates(
    {
        "operator": "The operator in {step} is incorrect.",
        "number": "The {slot} number in {step} is incorrect.",
        "missing": "An operator is missing at {step}.",
        "extra": "The operator in {step} is not needed.",
        "unreadable": "Step {step} cannot be read.",
    }
)


class FormulaDomain:
    """Linear formulas, compared with the reference of their problem. Implements Domain."""

    templates = TEMPLATES

    def oracle(self, problem: Problem, text: str) -> tuple[Fault, ...]:
        """What is wrong with a formula, in the order of its steps; empty exactly if `equivalent`.

        The faults are those of the cheapest alignment with the gold formula. If there are several, but a single
        repair makes the formula compute the same as the gold one in another shape, that is the only fault.
        """
        gold, numbers = _gold(problem)
        try:
            formula = read_formula(text, numbers)
        except UnreadableStepError as error:
            return (Fault("unreadable", f"#{error.step}"),)
        return () if _equivalent(gold, formula) else _faults(gold, formula, numbers)

    def perturb(self, problem: Problem, kind: str, rng: random.Random) -> str | None:
        """A wrong formula that has exactly one fault, of `kind`; None if there is none."""
        return perturbed(_gold(problem)[0], numbers_of(problem.question), kind, rng)

    def exact(self, problem: Problem, text: str) -> bool:
        """Whether a formula is the gold one up to blanks and the order of commutative operands or independent steps."""
        gold, numbers = _gold(problem)
        try:
            return same_steps(gold, read_formula(text, numbers))
        except UnreadableStepError:
            return False

    def equivalent(self, problem: Problem, text: str) -> bool:
        """Whether a formula computes the same function of the question's numbers as the gold one."""
        gold, numbers = _gold(problem)
        try:
            return _equivalent(gold, read_formula(text, numbers))
        except UnreadableStepError:
            return False

    def judged(self, text: str) -> str:
        """The whole formula: its value is not written down."""
        return text.strip()

    def listed(self, problem: Problem) -> tuple[tuple[str, str], ...]:  # noqa: ARG002
        """Nothing: wrong formulas are made by rules."""
        return ()


def _gold(problem: Problem) -> tuple[Formula, int]:
    """The gold formula of a problem and how many numbers its question has."""
    if problem.reference is None:
        raise DomainError(f"problem {problem.id} has no reference solution; REFINER needs one for its feedback")
    numbers = len(numbers_of(problem.question))
    try:
        return _read_gold(problem.reference.text, numbers), numbers
    except UnreadableStepError as error:
        raise DomainError(
            f"the reference of problem {problem.id} is no formula on its {numbers} numbers ({error}); "
            "fix the row or leave it out"
        ) from error


_read_gold = lru_cache(maxsize=4096)(read_formula)


def _equivalent(gold: Formula, formula: Formula) -> bool:
    value = fingerprint(gold)
    return same_steps(gold, formula) or (value is not None and value == fingerprint(formula))


def _faults(gold: Formula, formula: Formula, numbers: int) -> tuple[Fault, ...]:
    aligned = aligned_faults(gold, formula)
    if len(aligned) > 1 and len(formula) <= LONGEST and (repair := _repair(gold, formula, numbers)):
        return (repair,)
    return aligned


def _repair(gold: Formula, formula: Formula, numbers: int) -> Fault | None:
    """The first fault whose repair makes a formula compute the same as the gold one, with all its steps in use."""
    goal, value = fingerprint(gold), fingerprint(formula)
    leaves = [f"n{index}" for index in range(numbers)] + constants_of(gold)
    extra = [(Fault("extra", f"#{index}"), edited) for index, edited in removals(formula)]
    for fault, edited in (*operator_edits(formula), *number_edits(formula, leaves), *extra):
        if goal is not None and fingerprint(edited) == goal and uses_all_steps(edited):
            return fault
    if value is not None and len(formula) < len(gold):
        for index, edited in removals(gold):
            if fingerprint(edited) == value and uses_all_steps(edited):
                return Fault("missing", f"#{min(index, len(formula))}")
    return None
