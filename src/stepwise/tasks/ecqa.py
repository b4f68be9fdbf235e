"""ECQA: CommonsenseQA (Talmor et al. 2019) with the explanations of Aggarwal et al. (2021) as solutions.

Test is CommonsenseQA's validation set, as in RATIONALYST. ECQA's own splits cut across both sets, so an explanation
is used for training only if its question is in CommonsenseQA's training set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar

from pydantic import AliasChoices, BaseModel, Field

from stepwise.records import Problem, Split
from stepwise.tasks.formats.lines import sentences
from stepwise.tasks.published import rows
from stepwise.tasks.published.choice_rows import ChoiceRow, read_choice_rows
from stepwise.tasks.published.choice_task import ChoiceTask
from stepwise.tasks.published.published import Candidate

_EXPLANATIONS = ("ecqa/ecqa", "ecqa/train_flan", "ecqa/val", "ecqa/test")
"""ECQA's single file, or the parts of it that other projects have published."""


class _Explanation(BaseModel):
    """Why the answer to a question is right."""

    id: str = Field(validation_alias=AliasChoices("id", "q_no"))
    text: str | list[str] = Field("", validation_alias=AliasChoices("positives", "explanation", "taskA_pos"))

    def lines(self) -> list[str]:
        """Its sentences; some end without a full stop."""
        parts = self.text.split("\n") if isinstance(self.text, str) else self.text
        return [line for part in parts for line in sentences(part)]


class Ecqa(ChoiceTask):
    """9,741 training questions, of which those with an explanation are kept, and 1,221 test questions."""

    name: ClassVar[str] = "ecqa"

    def training_rows(self) -> Iterable[Candidate]:
        """CommonsenseQA's training questions with their explanations."""
        explanations = self._explanations()
        for row in read_choice_rows(rows.find(self.data, ("commonsenseqa/train",))):
            lines = explanations.get(row.id)
            yield self._problem(row, "train", lines) if lines else "no explanation"

    def test_rows(self) -> Iterator[Candidate]:
        """CommonsenseQA's validation questions."""
        for row in read_choice_rows(rows.find(self.data, ("commonsenseqa/dev",))):
            yield self._problem(row, "test", None)

    def _problem(self, row: ChoiceRow, split: Split, lines: list[str] | None) -> Problem:
        return self.problem(row.id, split, row.question, row.choices, row.answer, steps=lines)

    def _explanations(self) -> dict[str, list[str]]:
        """Lines by question id. Some of the parts may be missing, but not all: there would be nothing to train on."""
        paths = [path for stem in _EXPLANATIONS if (path := rows.find_or_none(self.data, (stem,)))]
        paths = paths or [rows.find(self.data, _EXPLANATIONS[:1])]
        explanations = (row for path in paths for row in rows.read_models(path, _Explanation))
        return {row.id: lines for row in explanations if (lines := row.lines())}
