"""Linear formulas: operations on the numbers of a question, `multiply(n0,n1)|add(#0,2)`.

`n0` is the first number of the question, `#0` the result of the first operation; anything else is a constant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/"}
"""Operations by name, with the sign used in programs and sentences."""
LARGEST_BITS = 1000
"""Bits of a numerator or denominator beyond which a result is refused: repeated squaring would never end."""

NUMBER = re.compile(r"(?<![\w.])(?:(?<!\S)-)?\d+(?:\.\d+)?(?!\w|\.\d)")
"""A number with its sign. Digits in a word (`mp3`, `2nd`) are no number, and the hyphen of `4-5` is no sign."""
_OPERATION = re.compile(r"\s*(\w+)\(\s*([\w#.]+)\s*,\s*([\w#.]+)\s*\)\s*", re.ASCII)
_OPERAND = re.compile(r"[n#]\d{1,4}|\d{1,12}(?:\.\d{1,12})?", re.ASCII)


class FormulaError(ValueError):
    """Text that is not a linear formula, or a formula that refers to a number or result that does not exist."""


class Operation(NamedTuple):
    """An operation of a formula; its operands are `n3`, `#0` or a constant."""

    name: str
    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.name}({self.left},{self.right})"


def numbers_of(question: str) -> list[str]:
    """The numbers of a question as written, in order of appearance: slot `n{i}` is the i-th."""
    return NUMBER.findall(question)


def parse_formula(text: str) -> tuple[Operation, ...]:
    """The operations of a formula. Raises FormulaError if the text is not a formula."""
    operations = []
    for part in text.strip().split("|"):
        match = _OPERATION.fullmatch(part)
        if match is None or match[1] not in SIGNS:
            raise FormulaError(f"{part.strip()[:60]!r} is not an operation; known are {', '.join(SIGNS)}")
        for operand in (match[2], match[3]):
            if _OPERAND.fullmatch(operand) is None:
                raise FormulaError(f"{operand[:40]!r} is not an operand; write n0, #0 or a constant")
        operations.append(Operation(match[1], match[2], match[3]))
    return tuple(operations)


def render_formula(operations: Sequence[Operation]) -> str:
    """The text of a formula; the inverse of parse_formula."""
    return "|".join(map(str, operations))


def evaluate_formula(operations: Sequence[Operation], numbers: Sequence[str]) -> Fraction:
    """The exact value of a formula's last operation.

    Raises FormulaError on a missing slot or result, a division by zero, and results that are too large.
    """
    results: list[Fraction] = []
    for operation in operations:
        left, right = (_value(operand, numbers, results) for operand in (operation.left, operation.right))
        results.append(_apply(operation.name, left, right))
        if max(results[-1].numerator.bit_length(), results[-1].denominator.bit_length()) > LARGEST_BITS:
            raise FormulaError("a result is too large to be an answer")
    if not results:
        raise FormulaError("a formula needs at least one operation")
    return results[-1]


def _value(operand: str, numbers: Sequence[str], results: Sequence[Fraction]) -> Fraction:
    if operand[0] not in "n#":
        return Fraction(operand)
    index = int(operand[1:])
    if operand[0] == "n" and index < len(numbers):
        return Fraction(numbers[index])
    if operand[0] == "#" and index < len(results):
        return results[index]
    raise FormulaError(f"{operand} is not there: {len(numbers)} numbers and {len(results)} earlier results are")


def _apply(name: str, left: Fraction, right: Fraction) -> Fraction:
    match name:
        case "add":
            return left + right
        case "subtract":
            return left - right
        case "multiply":
            return left * right
        case _ if right == 0:
            raise FormulaError("a division by zero")
        case _:
            return left / right
