"""HellaSwag (Zellers et al. 2019, arXiv 1905.07830): which of four endings continues a text.

Test is the validation set, whose labels are public. The training set is not used; see `published/without_training`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar

from pydantic import BaseModel, Field

from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.published import rows
from stepwise.tasks.published.published import Candidate
from stepwise.tasks.published.without_training import BenchmarkOnly

_QUESTION = "\nWhich ending continues this best?"


class _Row(BaseModel):
    ind: int
    ctx: str
    endings: list[str] = Field(min_length=4, max_length=4)
    label: int = Field(ge=0, le=3)


class HellaSwag(BenchmarkOnly):
    """10,042 test questions."""

    name: ClassVar[str] = "hellaswag"

    def test_rows(self) -> Iterable[Candidate]:
        """Rows of `validation`, numbered as in the file."""
        path = rows.find(self.data, ("hellaswag/validation", "hellaswag/hellaswag_val"))
        for number, row in enumerate(rows.read_models(path, _Row)):
            endings = [without_marks(ending) for ending in row.endings]
            question = without_marks(row.ctx) + _QUESTION
            yield self.problem(f"hellaswag_{number}", "test", question, endings, LETTERS[row.label])


def without_marks(text: str) -> str:
    """A text without WikiHow's marks: `[title]` begins a sentence, the others (such as `[header]`) are dropped."""
    plain = re.sub(r"\[\w+\]", "", text.replace(" [title]", ". "))
    return re.sub(r" +", " ", plain).strip()
