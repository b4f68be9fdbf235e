"""Formulas one edit away from another. A perturbation edits the gold formula; a repair edits the hypothesis."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stepwise.methods.refiner.domains.formula_values import COMMUTATIVE, Formula, leaf, reference
from stepwise.methods.refiner.feedback import Fault
from stepwise.tasks.formats.formulas import SIGNS, Operation

Edit = tuple[Fault, Formula]
"""An edited formula, and the fault that the edit introduces or removes."""


def operator_edits(formula: Formula) -> Iterator[Edit]:
    """The formula with another operator in one step."""
    for index, operation in enumerate(formula):
        for name in SIGNS:
            if name != operation.name:
                yield Fault("operator", f"#{index}"), _replace(formula, index, operation._replace(name=name))


def number_edits(formula: Formula, leaves: Sequence[str]) -> Iterator[Edit]:
    """The formula with another operand in one place: one of `leaves`, or an earlier result."""
    for index, operation in enumerate(formula):
        for slot, field in (("first", "left"), ("second", "right")):
            current = getattr(operation, field)
            results = [f"#{step}" for step in range(index)]
            for operand in (*leaves, *results):
                if _key(operand) != _key(current):
                    edited = operation._replace(**{field: operand})
                    yield Fault("number", f"#{index}", slot), _replace(formula, index, edited)


def removals(formula: Formula) -> Iterator[tuple[int, Formula]]:
    """The formula without one step, by its index; what used its result uses one of its operands.

    An operand that is a result is kept rather than a number, so that no earlier step loses its use.
    """
    if len(formula) == 1:
        return
    for index, operation in enumerate(formula[:-1]):
        operands = (operation.left, operation.right)
        for kept in [operand for operand in operands if reference(operand) is not None] or operands:
            yield index, formula[:index] + tuple(_without(step, index, kept) for step in formula[index + 1 :])
    yield len(formula) - 1, formula[:-1]


def insertions(formula: Formula, leaves: Sequence[str]) -> Iterator[tuple[int, Formula]]:
    """The formula with one more step, by its index: an operation on an operand and one of `leaves` replaces it."""
    for index, operation in enumerate(formula):
        later = tuple(_behind(step, index) for step in formula[index + 1 :])
        for field in ("left", "right"):
            user = operation._replace(**{field: f"#{index}"})
            for added in _operations_on(getattr(operation, field), leaves):
                yield index, (*formula[:index], added, user, *later)
    for added in _operations_on(f"#{len(formula) - 1}", leaves):
        yield len(formula), (*formula, added)


def uses_all_steps(formula: Formula) -> bool:
    """Whether the result of every step but the last is an operand of a later step."""
    used = {reference(operand) for operation in formula for operand in operation[1:]}
    return all(step in used for step in range(len(formula) - 1))


def signature(formula: Formula) -> Formula:
    """The formula with the operands of its commutative operations in a fixed order."""
    return tuple(
        Operation(name, *sorted((left, right), key=_key)) if name in COMMUTATIVE else Operation(name, left, right)
        for name, left, right in formula
    )


def _key(operand: str) -> str:
    return leaf(operand) if reference(operand) is None else operand


def _operations_on(operand: str, leaves: Sequence[str]) -> Iterator[Operation]:
    for name in SIGNS:
        for other in leaves:
            yield Operation(name, operand, other)
            if name not in COMMUTATIVE and other != operand:
                yield Operation(name, other, operand)


def _replace(formula: Formula, index: int, operation: Operation) -> Formula:
    return (*formula[:index], operation, *formula[index + 1 :])


def _without(operation: Operation, index: int, kept: str) -> Operation:
    def renumber(operand: str) -> str:
        step = reference(operand)
        if step is None or step < index:
            return operand
        return kept if step == index else f"#{step - 1}"

    return Operation(operation.name, renumber(operation.left), renumber(operation.right))


def _behind(operation: Operation, index: int) -> Operation:
    def renumber(operand: str) -> str:
        step = reference(operand)
        return operand if step is None or step < index else f"#{step + 1}"

    return Operation(operation.name, renumber(operation.left), renumber(operation.right))
