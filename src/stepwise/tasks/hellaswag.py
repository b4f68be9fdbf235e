"""HellaSwag (Zellers et al. 2019, arXiv 1905.07830): which of four endings continues a text.

Test is the validation set, whose labels are public. Its training set is not used; see `benchmark_only`.
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

_ASKED = "\nWhich ending continues this best?"


class _Row(BaseModel):
    ind: int
    ctx: str
    endings: list[str] = Field(min_length=4, max_length=4)
    label: int = Field(ge=0, le=3)


class HellaSwag(BenchmarkOnly):
    """10,042 test questions."""

    name: ClassVar[str] = "hellaswag"

    def test_rows(self) -> Iterable[Candidate]:
        """Rows of `validation`, by their place in the file."""
        path = rows.find(self.data, ("hellaswag/validation", "hellaswag/hellaswag_val"))
        for number, row in enumerate(rows.read_models(path, _Row)):
            endings = [without_marks(ending) for ending in row.endings]
            question = without_marks(row.ctx) + _ASKED
            yield self.problem(f"hellaswag_{number}", "test", question, endings, LETTERS[row.label])


def without_marks(text: str) -> str:
    """A text without the marks of WikiHow: `[title]` begins a sentence, the others (`[header]`) are nothing."""
    plain = re.sub(r"\[\w+\]", "", text.replace(" [title]", ". "))
    return re.sub(r" +", " ", plain).strip()
