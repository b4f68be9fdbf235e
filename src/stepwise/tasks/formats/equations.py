"""Equations of one line as linear formulas: prefix (`- number0 * number1 number2`) and infix (`( 4.0 - 3.0 )`).

Operations are numbered in the order in which they can be computed, an operation's left operand before its right one.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import product

from stepwise.tasks.answers.numbers import plain_number
from stepwise.tasks.formats.formulas import SIGNS, FormulaError, Operation, parse_formula
from stepwise.tasks.formats.numbered_formulas import operand

_NAMES = {sign: name for name, sign in SIGNS.items()}


def from_prefix(equation: str) -> tuple[Operation, ...]:
    """The operations of a prefix equation over `number0`, `number1`, ... and constants, of any depth.

    Raises FormulaError if it has too few or too many operands, or no operation.
    """
    operations: list[Operation] = []
    unfinished: list[list[str]] = []
    """Operations that still lack an operand, the innermost last: a name and the operands read so far."""
    tokens = equation.split()
    for position, token in enumerate(tokens):
        if token.startswith("#"):
            raise FormulaError(f"{token[:40]!r} is no part of an equation")
        if token in _NAMES:
            unfinished.append([_NAMES[token]])
            continue
        value = operand(token)
        while unfinished:
            unfinished[-1].append(value)
            if len(unfinished[-1]) < 3:
                break
            value = _add(operations, *unfinished.pop())
        if not unfinished and position < len(tokens) - 1:
            raise FormulaError(f"{equation[:60]!r} has operands left over")
    if unfinished or not operations:
        raise FormulaError(f"{equation[:60]!r} " + ("lacks an operand" if unfinished else "has no operation"))
    return tuple(operations)


def from_infix(equation: str, numbers: Sequence[str]) -> tuple[Operation, ...]:
    """The operations of an equation with brackets around each operation and values in place of slots.

    A value that the question has several times stands for the one nearest to the operation's other operand, the later
    of two. Raises FormulaError if the question lacks it, if the brackets do not pair, or if there is no operation.
    """
    operations: list[Operation] = []
    opened: list[list[str]] = [[]]
    for token in equation.split():
        if token == "(":
            opened.append([])
        elif token == ")" and len(opened) > 1:
            parts = opened.pop()
            if len(parts) != 3 or parts[1] not in _NAMES:
                raise FormulaError(f"{equation[:60]!r} needs two operands and a sign in each pair of brackets")
            left, right = _operands(_readings(parts[0], numbers), _readings(parts[2], numbers))
            opened[-1].append(_add(operations, _NAMES[parts[1]], left, right))
        elif token.startswith("#"):
            raise FormulaError(f"{token[:40]!r} is no part of an equation")
        else:
            opened[-1].append(token)
    if len(opened) > 1 or len(opened[0]) != 1:
        raise FormulaError(f"{equation[:60]!r} needs a pair of brackets around each operation")
    if not operations:
        raise FormulaError(f"{equation[:60]!r} has no operation")
    return tuple(operations)


def _add(operations: list[Operation], name: str, left: str, right: str) -> str:
    """Append an operation and return the name of its result."""
    operations += parse_formula(str(Operation(name, left, right)))
    return f"#{len(operations) - 1}"


def _readings(token: str, numbers: Sequence[str]) -> list[str]:
    """What an operand may stand for: the result that it names, or the slots that have its value."""
    if token.startswith("#"):
        return [token]
    if plain_number(token) is None:
        raise FormulaError(f"{token[:40]!r} is not a value")
    slots = [f"n{index}" for index, number in enumerate(numbers) if Fraction(number) == Fraction(token)]
    if not slots:
        raise FormulaError(f"{token[:40]} is not among the question's numbers")
    return slots


def _operands(left: list[str], right: list[str]) -> tuple[str, str]:
    """The readings of two operands that are nearest to each other, but not the same slot twice if that can be."""
    if left[0].startswith("#") or right[0].startswith("#"):
        return left[0], right[0]

    def distance(pair: tuple[str, str]) -> tuple[bool, int, int]:
        first, second = (int(slot[1:]) for slot in pair)
        return first == second, abs(first - second), -first - second

    return min(product(left, right), key=distance)
