r"""MATH (Hendrycks et al. 2021, arXiv 2103.03874): competition problems whose answers are LaTeX.

The answer line of a reference repeats the box of its solution, because the papers' extraction looks only for the last
`\boxed{}` and compares normal forms (`math_strip`). The robust check also reads the text after the last cue, and
accepts anything of the same value (`math_answers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from pydantic import BaseModel

from stepwise.records import Form, Problem, Solution, Split, Verdict
from stepwise.tasks.answers.math_answers import same_answer, stated_answer
from stepwise.tasks.answers.math_strip import last_boxed, strip
from stepwise.tasks.formats import math_format
from stepwise.tasks.formats.lines import sentences
from stepwise.tasks.published import rows
from stepwise.tasks.published.published import Candidate, PublishedTask


class _Row(BaseModel):
    problem: str
    level: str
    type: str
    solution: str


class Math(PublishedTask):
    """7,500 training and 5,000 test problems; `difficulty` is the level, 1 to 5."""

    name: ClassVar[str] = "math"
    forms: ClassVar[tuple[Form, ...]] = ("n_cot",)

    def training_rows(self) -> Iterable[Candidate]:
        """Rows of `train`; each sentence of the solution becomes a line of the reference."""
        return self._rows("train")

    def test_rows(self) -> Iterable[Candidate]:
        """Rows of `test`, without their solutions."""
        return self._rows("test")

    def parse(self, text: str) -> Solution:
        """A completion as steps and the answer as written in it."""
        return math_format.parse(text, self.form).model_copy(update={"answer": stated_answer(text)})

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts on (problem, completion) pairs, in order."""
        return [_verdict(problem, text) for problem, text in pairs]

    def _rows(self, split: Split) -> Iterable[Candidate]:
        path = rows.find(self.data, (f"math/{split}",))
        for number, row in enumerate(rows.read_models(path, _Row)):
            answer = (last_boxed(row.solution) or "").rstrip(" .,")
            if not answer and split == "train":
                yield "solution has no box"
                continue
            body = "\n".join(sentences(row.solution))
            reference = math_format.reference(body, f"\\boxed{{{answer}}}", self.form)
            yield Problem(
                id=f"math_{split}_{number}",
                task=self.name,
                split=split,
                question=row.problem.strip(),
                answer=answer,
                reference=reference.model_copy(update={"answer": answer}) if split == "train" else None,
                difficulty=row.level,
                meta={"subject": row.type},
            )


def _verdict(problem: Problem, text: str) -> Verdict:
    boxed = last_boxed(text)
    strict = None if boxed is None else strip(boxed)
    robust = stated_answer(text)
    return Verdict(
        strict_answer=strict or None,
        strict_correct=bool(strict) and strict == strip(problem.answer),
        answer=robust,
        correct=robust is not None and same_answer(problem.answer, robust),
    )
