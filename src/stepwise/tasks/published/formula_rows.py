"""Word problems with formulas: REFINER's training file (MAWPS and ASDiv-A) and SVAMP itself as the test.

REFINER's val and test files are not read. Both hold the SVAMP problems, val in an earlier wording and with 170 formulas
that differ from their equation, test with its numbers in the order of the equation instead of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, NamedTuple, TypeAlias

from pydantic import BaseModel, Field

from stepwise.tasks.answers.numbers import number_text, plain_number
from stepwise.tasks.formats.equations import from_infix
from stepwise.tasks.formats.formulas import FormulaError, Operation, evaluate_formula, numbers_of
from stepwise.tasks.formats.numbered_formulas import MISSPELLED, parse_numbered
from stepwise.tasks.published import rows

Finite = Annotated[float, Field(allow_inf_nan=False)]

_NO_BODY = "Empty"
_BLANKS = re.compile(r"\s+(?=[.,;:?!%])")
_CLITIC = re.compile(r"\s+['’]\s?(?=(?:s|ve|re|ll|d)\b)|\s+(?=n['’]t\b)")
_SLOT = re.compile(r"number(\d+)")


class FormulaRow(NamedTuple):
    """A word problem with its formula, and the defects that were mended to get it."""

    id: str
    question: str
    """Body and question with the numbers in place."""
    operations: tuple[Operation, ...]
    answer: float
    mended: tuple[str, ...] = ()


Row: TypeAlias = FormulaRow | str
"""A row, or the reason it is dropped."""


class _TrainingRow(BaseModel):
    ID: str
    Body: str
    Question: str
    Numbers: str
    Linear_Formula: str
    Answer: Finite


class _SvampRow(BaseModel):
    ID: str
    Body: str
    Question: str
    Equation: str
    Answer: Finite


def training_rows(data: Path) -> Iterator[Row]:
    """REFINER's training rows in file order. Raises DataError for a missing or damaged file."""
    path = rows.find(data, ("refiner/mwp_critique_train", "refiner/critique_train"))
    yield from map(_training_row, rows.read_models(path, _TrainingRow))


def svamp_rows(data: Path) -> Iterator[Row]:
    """SVAMP's rows in file order, each with the formula of its equation. Raises DataError like training_rows."""
    yield from map(_svamp_row, rows.read_models(rows.find(data, ("svamp/SVAMP",)), _SvampRow))


def _training_row(row: _TrainingRow) -> Row:
    numbers = [plain_number(number) for number in row.Numbers.split()]
    written = [number_text(number) for number in numbers if number is not None]
    text = f"{'' if row.Body.strip() == _NO_BODY else row.Body} {row.Question}"
    if len(written) < len(numbers) or any(int(slot) >= len(written) for slot in _SLOT.findall(text)):
        return "numbers do not fit the text"
    question = _tidy(_SLOT.sub(lambda slot: written[int(slot[1])], text))
    if numbers_of(question) != written:
        return "numbers do not fit the text"
    try:
        operations = parse_numbered(row.Linear_Formula)
        answer = _unrounded(row.Answer, evaluate_formula(operations, written))
    except FormulaError:
        return "formula cannot be computed"
    defects = {
        "substract": MISSPELLED in row.Linear_Formula,
        "no body": row.Body.strip() == _NO_BODY,
        "answer is rounded": answer != row.Answer,
    }
    mended = tuple(name for name, present in defects.items() if present)
    return FormulaRow(f"mawps_asdiv-{row.ID}", question, operations, answer, mended)


def _svamp_row(row: _SvampRow) -> Row:
    question = _tidy(f"{row.Body} {row.Question}")
    numbers = numbers_of(question)
    try:
        operations = from_infix(row.Equation, numbers)
    except FormulaError:
        return "equation has no operation, or a number that the text lacks"
    return FormulaRow(f"svamp-{row.ID}", question, operations, row.Answer)


def _tidy(text: str) -> str:
    """The text without tokenisation: single blanks, none before punctuation or within `didn't` and `Ann's`."""
    return _CLITIC.sub(lambda match: "'" if match[0].strip() else "", _BLANKS.sub("", " ".join(text.split())))


def _unrounded(answer: float, value: Fraction) -> float:
    """The formula's value if the answer is that value rounded to the answer's own decimals, else the answer."""
    _, _, decimals = repr(answer).partition(".")
    return float(value) if round(float(value), len(decimals)) == answer else answer
