"""GSM8K (Cobbe et al. 2021, arXiv 2110.14168): grade-school word problems, with rationales or compiled programs.

The calculator marks of the rationales become programs (see calculator_marks); in sentences they are removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal

from stepwise.params import Section
from stepwise.records import Problem, Solution, Split, Verdict
from stepwise.tasks.answers import end_phrase
from stepwise.tasks.answers.numbers import equal_numbers, number_text
from stepwise.tasks.formats import math_format
from stepwise.tasks.formats.calculator_marks import marks, program_bodies, without_marks
from stepwise.tasks.formats.program_text import whole_program
from stepwise.tasks.published import rows
from stepwise.tasks.published.published import Candidate, PublishedTask
from stepwise.tasks.sandbox.programs import run_programs

_ANSWER_MARK = "####"


class Options(Section):
    """How the strict check reads the answer."""

    extraction: Literal["reft", "rationalyst"] = "reft"
    """`reft`: after the answer line; `rationalyst`: after an end phrase, for sentences only."""


class Gsm8k(PublishedTask):
    """7,473 training and 1,319 test questions; `difficulty` is the number of calculations."""

    name: ClassVar[str] = "gsm8k"
    options_type: ClassVar[type[Section]] = Options

    def training_rows(self) -> Iterable[Candidate]:
        """Rows of `train`, each with a reference in the task's form."""
        return self._rows("train")

    def test_rows(self) -> Iterable[Candidate]:
        """Rows of `test`, without their rationales."""
        return self._rows("test")

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts on (problem, completion) pairs, in order."""
        verdicts = super().check_many(pairs)
        if self.form != "n_cot" or self.options == Options():
            return verdicts
        strict = [(problem, end_phrase.number(text)) for problem, text in pairs]
        return [
            verdict.model_copy(update={"strict_answer": answer, "strict_correct": answer == problem.answer})
            for verdict, (problem, answer) in zip(verdicts, strict, strict=True)
        ]

    def _rows(self, split: Split) -> Iterable[Candidate]:
        path = rows.find(self.data, (f"gsm8k/{split}",))
        for number, row in enumerate(rows.read_rows(path, ("question", "answer"))):
            yield self._problem(row, f"gsm8k_{split}_{number}", split)

    def _problem(self, row: rows.Row, identity: str, split: Split) -> Candidate:
        rationale, mark, final = row["answer"].rpartition(_ANSWER_MARK)
        answer = math_format.gold_number(final)
        if not mark or answer is None:
            return "answer is not a number"
        question = row["question"].strip()
        reference = self._reference(question, rationale, answer) if split == "train" else None
        if isinstance(reference, str):
            return reference
        calculations = len(marks(rationale) or ())
        return Problem(
            id=identity,
            task=self.name,
            split=split,
            question=question,
            answer=number_text(answer),
            reference=reference,
            difficulty=f"{calculations} step{'' if calculations == 1 else 's'}" if calculations else "",
        )

    def _reference(self, question: str, rationale: str, answer: float) -> Solution | str:
        """The reference in the task's form, or why there is none."""
        shown = number_text(answer)
        if self.form == "n_cot":
            return math_format.reference(without_marks(rationale), shown, self.form)
        if not marks(rationale):
            return "no calculator marks"
        for body in program_bodies(rationale, answer):
            value = math_format.robust_value(run_programs([whole_program(question, body)])[0].value)
            if equal_numbers(value, answer):
                return math_format.reference(body, shown, self.form)
        return "calculator marks do not give the answer"


class Gsm8kText(Gsm8k):
    """The same problems under another name, so that a run can use sentences and programs side by side."""

    name: ClassVar[str] = "gsm8k_text"
