"""Rows of multiple-choice data sets in AI2's two layouts, with their option labels replaced by letters."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, Field

from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.published import rows


class ChoiceRow(NamedTuple):
    """A question, its options in order, and the letter of the right option."""

    id: str
    question: str
    choices: tuple[str, ...]
    answer: str


class _Choice(BaseModel):
    label: str
    text: str


class _Stem(BaseModel):
    stem: str
    choices: list[_Choice] = Field(min_length=1)


class _Columns(BaseModel):
    label: list[str] = Field(min_length=1)
    text: list[str]


class _Row(BaseModel):
    """`question` contains the options, or they stand beside it as columns."""

    id: str
    question: _Stem | str
    choices: _Columns | None = None
    answerKey: str  # noqa: N815 - the files' name


def read_choice_rows(path: Path) -> Iterator[ChoiceRow]:
    """Rows of a file. Raises DataError if it is invalid, a row has no options, or its answer is not one of them."""
    for row in rows.read_models(path, _Row):
        if isinstance(row.question, str):
            columns = row.choices or _Columns(label=["?"], text=[])
            question, labels, texts = row.question, columns.label, columns.text
        else:
            question = row.question.stem
            choices = row.question.choices
            labels, texts = [choice.label for choice in choices], [choice.text for choice in choices]
        if row.answerKey not in labels or not len(labels) == len(texts) <= len(LETTERS):
            raise rows.DataError(f"{path}, row {row.id}: the answer {row.answerKey!r} is not one of its options")
        yield ChoiceRow(row.id, question, tuple(texts), LETTERS[labels.index(row.answerKey)])
