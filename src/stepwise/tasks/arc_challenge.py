"""ARC-Challenge (Clark et al. 2018, arXiv 1803.05457): science questions from school examinations.

The data has no solutions, so the reference of a training question is its answer line alone, and few-shot examples are
hand-written (`published/shots`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from stepwise.records import Split
from stepwise.tasks.published import rows
from stepwise.tasks.published.choice_rows import read_choice_rows
from stepwise.tasks.published.choice_task import ChoiceTask
from stepwise.tasks.published.published import Candidate


class ArcChallenge(ChoiceTask):
    """1,119 training and 1,172 test questions with three to five options, named A to E whatever the file calls them."""

    name: ClassVar[str] = "arc_challenge"

    def training_rows(self) -> Iterable[Candidate]:
        """Rows of `train`."""
        return self._rows("train")

    def test_rows(self) -> Iterable[Candidate]:
        """Rows of `test`."""
        return self._rows("test")

    def _rows(self, split: Split) -> Iterable[Candidate]:
        for row in read_choice_rows(rows.find(self.data, (f"arc_challenge/{split}",))):
            steps = () if split == "train" else None
            yield self.problem(row.id, split, row.question, row.choices, row.answer, steps=steps)
