"""ProofWriter (Tafjord et al. 2021), open world, depth 5, in the balanced selection of Logic-LM (arXiv 2305.12295).

Facts and rules, and a statement that is true, false or unknown given them. The selection has no proofs, so the
reference of a training question is its answer line alone, and few-shot examples are hand-written (`published/shots`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Literal

from pydantic import BaseModel

from stepwise.records import Split
from stepwise.tasks.published import rows
from stepwise.tasks.published.choice_task import ChoiceTask
from stepwise.tasks.published.published import Candidate


class _Row(BaseModel):
    id: str
    context: str
    question: str
    answer: Literal["A", "B", "C"]


class ProofWriter(ChoiceTask):
    """3,000 training and 600 test questions; the three answers are equally frequent."""

    name: ClassVar[str] = "proofwriter"
    choices: ClassVar[tuple[str, ...]] = ("True", "False", "Unknown")

    def training_rows(self) -> Iterable[Candidate]:
        """Rows of `train`."""
        return self._rows("train")

    def test_rows(self) -> Iterable[Candidate]:
        """Rows of `test`."""
        return self._rows("test")

    def _rows(self, split: Split) -> Iterable[Candidate]:
        for row in rows.read_models(rows.find(self.data, (f"proofwriter/{split}",)), _Row):
            question = f"{row.context.strip()}\n{row.question.strip()}"
            steps = () if split == "train" else None
            yield self.problem(row.id, split, question, self.choices, row.answer, steps=steps)
