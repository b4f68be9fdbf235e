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
        operands = [_read_operand(operand, numbers, index) for operand in operation[1:]]
        operations.append(Operation(operation.name, *operands))
    return tuple(operations)


def _read_operand(operand: str, numbers: int, step: int) -> str:
    kind, index = operand[0], operand[1:]
    if kind not in "n#":
        return operand
    if int(index) >= (numbers if kind == "n" else step):
        raise UnreadableStepError(step)
    return f"{kind}{int(index)}"


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
    results: list[tuple[int, int]] = []  # as numerator and denominator, since inverses are slow
    for name, left, right in operations:
        (a, b), (c, d) = (results[int(x[1:])] if x[0] == "#" else _residue(x) for x in (left, right))
        match name:
            case "add":
                a, b = a * d + c * b, b * d
            case "subtract":
                a, b = a * d - c * b, b * d
            case "multiply":
                a, b = a * c, b * d
            case _ if c == 0:
                return None
            case _:
                a, b = a * d, b * c
        results.append((a % PRIME, b % PRIME))
    numerator, denominator = results[-1]
    return numerator if denominator == 1 else numerator * pow(denominator, -1, PRIME) % PRIME


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
def _residue(operand: str) -> tuple[int, int]:
    if operand[0] == "n":
        return int.from_bytes(hashlib.sha256(operand.encode()).digest()) % PRIME, 1
    return Fraction(operand).as_integer_ratio()
