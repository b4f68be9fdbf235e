"""Linear formulas as functions of the question's numbers: reading them, and whether two compute the same function.

A formula is a rational function of n0, n1, ... Two of them are equal exactly if the polynomial that is left after
multiplying out their difference is zero. A polynomial that is not zero vanishes at a random point of a prime field with
a probability of at most its degree over the prime (Schwartz 1980, Zippel 1979). With the prime 2^127 - 1 and formulas
of a few dozen operations, one point decides: a wrong verdict has a probability below 1e-25, and numbers never grow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from fractions import Fraction
from functools import cache

from stepwise.tasks.formats.formulas import FormulaError, Operation, parse_formula

Formula = tuple[Operation, ...]

PRIME = 2**127 - 1
COMMUTATIVE = frozenset({"add", "multiply"})


class UnreadableStepError(ValueError):
    """Text with a step that is no operation, or that uses a number or result that does not exist."""

    def __init__(self, step: int):
        super().__init__(f"step #{step} cannot be read")
        self.step = step
        """Index of the first such step."""


def read_formula(text: str, numbers: int) -> Formula:
    """The operations of a formula on so many numbers. Raises UnreadableStepError."""
    operations: list[Operation] = []
    for index, part in enumerate(text.strip().split("|")):
        try:
            (operation,) = parse_formula(part)
        except FormulaError as error:
            raise UnreadableStepError(index) from error
        available = {"n": numbers, "#": index}
        for operand in (operation.left, operation.right):
            if operand[0] in available and int(operand[1:]) >= available[operand[0]]:
                raise UnreadableStepError(index)
        operations.append(operation)
    return tuple(operations)


def reference(operand: str) -> int | None:
    """The index of the step that an operand refers to, or None if it is a number."""
    return int(operand[1:]) if operand[0] == "#" else None


@cache
def leaf(operand: str) -> str:
    """The name under which a number is compared: constants by value, so `2.0` is `2`."""
    return operand if operand[0] == "n" else str(Fraction(operand))


def fingerprint(operations: Sequence[Operation]) -> int | None:
    """The value of a formula at a fixed random point modulo PRIME; None if it divides by what is always zero.

    Two formulas with the same fingerprint compute the same function of the numbers.
    """
    results: list[int] = []
    for name, left, right in operations:
        a, b = (results[int(x[1:])] if x[0] == "#" else _residue(x) for x in (left, right))
        match name:
            case "add":
                value = a + b
            case "subtract":
                value = a - b
            case "multiply":
                value = a * b
            case _ if b == 0:
                return None
            case _:
                value = a * pow(b, -1, PRIME)
        results.append(value % PRIME)
    return results[-1]


def same_steps(first: Sequence[Operation], second: Sequence[Operation]) -> bool:
    """Whether two formulas have the same operations, up to the order of commutative operands and independent steps."""
    keys: dict[tuple[object, ...], int] = {}
    steps = [_step_keys(operations, keys) for operations in (first, second)]
    return steps[0][-1] == steps[1][-1] and sorted(steps[0]) == sorted(steps[1])


def _step_keys(operations: Sequence[Operation], keys: dict[tuple[object, ...], int]) -> list[int]:
    """A number for each step that two steps share exactly if they are the same expression."""
    steps: list[int] = []
    for operation in operations:
        operands = [
            f"#{steps[step]}" if (step := reference(operand)) is not None else leaf(operand)
            for operand in (operation.left, operation.right)
        ]
        if operation.name in COMMUTATIVE:
            operands.sort()
        steps.append(keys.setdefault((operation.name, *operands), len(keys)))
    return steps


@cache
def _residue(operand: str) -> int:
    if operand[0] == "n":
        return int.from_bytes(hashlib.sha256(operand.encode()).digest()) % PRIME
    value = Fraction(operand)
    return value.numerator * pow(value.denominator, -1, PRIME) % PRIME
