"""MMLU-Pro (Wang et al. 2024, arXiv 2406.01574): questions from fourteen fields with up to ten options.

Seven of the 12,032 test questions have only one or two options, because the released evaluation dropped the options
`N/A`; they still count. Hand-written examples replace the validation questions that papers use as few-shot examples.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import BaseModel, Field

from stepwise.tasks.answers import end_phrase
from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.published import rows
from stepwise.tasks.published.published import Candidate
from stepwise.tasks.published.without_training import BenchmarkOnly


class _Row(BaseModel):
    question_id: int
    question: str
    options: list[str] = Field(min_length=1, max_length=len(LETTERS))
    answer_index: int = Field(ge=0)
    category: str


class MmluPro(BenchmarkOnly):
    """12,032 test questions; `difficulty` is the field of a question."""

    name: ClassVar[str] = "mmlu_pro"

    def test_rows(self) -> Iterable[Candidate]:
        """Rows of `test`."""
        for row in rows.read_models(rows.find(self.data, ("mmlu_pro/test",)), _Row):
            if row.answer_index >= len(row.options):
                yield "the answer is none of the options"
                continue
            answer, name = LETTERS[row.answer_index], f"mmlu_pro_{row.question_id}"
            yield self.problem(name, "test", row.question, row.options, answer, difficulty=row.category)

    def strict_letter(self, text: str, letters: str) -> str | None:
        """The first `answer is (B)` in the text; the released code draws a random letter if there is none."""
        return end_phrase.bracketed_letter(text, letters)
