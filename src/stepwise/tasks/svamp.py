"""SVAMP (Patel et al. 2021) as ReFT splits it: elementary word problems, with programs or sentences as references."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from stepwise.records import Problem
from stepwise.tasks.answers.numbers import number_text
from stepwise.tasks.formats import math_format
from stepwise.tasks.formats.program_text import program_body
from stepwise.tasks.published import rows
from stepwise.tasks.published.published import Candidate, PublishedTask


class Svamp(PublishedTask):
    """3,076 training rationales or 3,043 programs, and 1,000 test questions."""

    name: ClassVar[str] = "svamp"

    def training_rows(self) -> Iterable[Candidate]:
        """Rows of `svamp_nl` or `svamp_python_sdp`."""
        stem = "svamp_nl" if self.form == "n_cot" else "svamp_python_sdp"
        path = rows.find(self.data, (f"svamp/{stem}", f"reft/{stem}"))
        for row in rows.read_rows(path, ("item_id", "question", "answer_cot", "answer_value")):
            yield self._problem(row)

    def test_rows(self) -> Iterable[Candidate]:
        """Rows of `svamp_test_set`, which have no references."""
        path = rows.find(self.data, ("svamp/svamp_test_set", "reft/svamp_test_set"))
        for row in rows.read_rows(path, ("item_id", "question", "answer_value")):
            yield self._problem(row)

    def _problem(self, row: rows.Row) -> Candidate:
        answer = math_format.gold_number(row["answer_value"])
        if answer is None:
            return "answer is not a number"
        if not row["question"].strip():
            return "no question"
        shown = number_text(answer)
        reference = None
        if "answer_cot" in row:
            body = row["answer_cot"] if self.form == "n_cot" else program_body(row["answer_cot"])
            if self.form == "n_cot" and not math_format.agrees(body, answer):
                return "rationale says another answer"
            reference = math_format.reference(body, shown, self.form)
        return Problem(
            id=row["item_id"],
            task=self.name,
            split="test" if reference is None else "train",
            question=row["question"].strip(),
            answer=shown,
            reference=reference,
        )
