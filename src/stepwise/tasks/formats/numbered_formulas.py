"""Linear formulas with numbered steps: `#0: subtract ( number0, number1 ) | #1: divide ( #0, number2 ) | EOS`.

REFINER's files (arXiv 2304.01904) differ in details: `substract` for `subtract`, `<END>` or nothing for `EOS`, double
blanks. All are read; one way is written.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stepwise.tasks.answers.numbers import number_text
from stepwise.tasks.formats.formulas import FormulaError, Operation, parse_formula

MISSPELLED = "substract"
_STEP = re.compile(r"\s*#(\d{1,4})\s*:\s*(\w+)\s*\(\s*([\w#.]+)\s*,\s*([\w#.]+)\s*\)\s*", re.ASCII)
_END = re.compile(r"\s*\|?\s*(?:EOS|<END>)?\s*")
_SLOT = re.compile(r"number(\d{1,4})")


def parse_numbered(text: str) -> tuple[Operation, ...]:
    """The operations of a formula in this notation.

    Raises FormulaError if the text is none, if its steps are not numbered in order, or if it has no step.
    """
    operations: list[Operation] = []
    position = 0
    while (match := _STEP.match(text, position)) is not None:
        if int(match[1]) != len(operations):
            raise FormulaError(f"step #{match[1]} stands where #{len(operations)} should")
        name = "subtract" if match[2] == MISSPELLED else match[2]
        left, right = (operand(written) for written in match.group(3, 4))
        operations += parse_formula(str(Operation(name, left, right)))
        position = match.end()
        if text[position : position + 1] != "|":
            break
        position += 1
    if not operations or not _END.fullmatch(text, position):
        raise FormulaError(f"{text.strip()[:60]!r} is not a formula such as '#0: add ( number0, number1 ) | EOS'")
    return tuple(operations)


def render_numbered(operations: Sequence[Operation]) -> str:
    """A formula in this notation, with single blanks and `EOS`; constants have a decimal point, as in `100.0`."""
    steps = (
        f"#{index}: {name} ( {_written(left)}, {_written(right)} ) | "
        for index, (name, left, right) in enumerate(operations)
    )
    return "".join(steps) + "EOS"


def operand(written: str) -> str:
    """An operand in our notation: `number0` is `n0`, `#0` stays, and `100.0` is the constant `100`.

    Raises FormulaError if the text is no number where it should be one.
    """
    if slot := _SLOT.fullmatch(written):
        return f"n{int(slot[1])}"
    if written.startswith("#"):
        return written
    try:
        return number_text(float(written))
    except (ValueError, OverflowError) as error:
        raise FormulaError(f"{written[:40]!r} is not an operand; write number0, #0 or a constant") from error


def _written(text: str) -> str:
    if text[0] == "n":
        return f"number{text[1:]}"
    return text if text[0] == "#" else repr(float(text))
