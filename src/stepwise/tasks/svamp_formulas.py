"""REFINER's math word problems (arXiv 2304.01904, section 4.1): stories of one to four operations as linear formulas.

Train and dev are its MAWPS and ASDiv-A rows, test is SVAMP (Patel et al. 2021). The paper's models read placeholders
(`number0 apples`); here the numbers are in the text and listed with their slots, as in the other tasks with formulas.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import ClassVar

from stepwise.params import TaskParams
from stepwise.records import Form, Problem, Prompt, Solution, Split, Verdict
from stepwise.tasks.answers.numbers import number_text
from stepwise.tasks.base import Loaded
from stepwise.tasks.formats import formula_format
from stepwise.tasks.formats.formulas import NUMBER, numbers_of, render_formula
from stepwise.tasks.published.formula_rows import FormulaRow, Row, svamp_rows, training_rows
from stepwise.tasks.published.published import Candidate, PublishedTask


class SvampFormulas(PublishedTask):
    """Write the formula that answers a story. All problems have references, those of test too."""

    name: ClassVar[str] = "svamp_formulas"
    forms: ClassVar[tuple[Form, ...]] = ("formula",)

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):
        super().__init__(params, seed, data)
        self._mended: dict[Split, Counter[str]] = {}

    def stop_strings(self) -> tuple[str, ...]:
        """A formula is one line."""
        return formula_format.STOP

    def load(self, split: Split) -> Loaded:
        """Problems of a split. Dropped and mended rows are counted over the whole file of train and dev, or of test."""
        loaded = super().load(split)
        loaded.mended = dict(self._mended["test" if split == "test" else "train"])
        return loaded

    def training_rows(self) -> Iterable[Candidate]:
        """REFINER's training rows. Some stories occur several times, mostly with other numbers; all are kept."""
        return self._problems(training_rows(self.data), "train")

    def test_rows(self) -> Iterable[Candidate]:
        """SVAMP's rows."""
        return self._problems(svamp_rows(self.data), "test")

    def prompt(self, problem: Problem) -> Prompt:
        """The question, its numbers with their slots, and the lead-in, in one piece."""
        return formula_format.prompt(problem.question)

    def parse(self, text: str) -> Solution:
        """A completion as operations; a formula has no answer without its question."""
        return formula_format.solution(text)

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts on (problem, completion) pairs by the formula's value, in order."""
        return formula_format.check_many(pairs)

    def _dev(self, problems: list[Problem]) -> list[Problem]:
        """A sample of the problems whose story occurs once, so that dev and train share none, whatever its numbers."""
        stories = Counter(_story(problem) for problem in problems)
        return super()._dev([problem for problem in problems if stories[_story(problem)] == 1])

    def _problems(self, rows: Iterable[Row], split: Split) -> Iterable[Candidate]:
        mended = self._mended[split] = Counter()
        for row in rows:
            if isinstance(row, FormulaRow):
                mended.update(row.mended)
                yield _problem(row, split)
            else:
                yield row


def _problem(row: FormulaRow, split: Split) -> Problem:
    numbers, steps = numbers_of(row.question), len(row.operations)
    used = {operand for operation in row.operations for operand in (operation.left, operation.right)}
    answer = number_text(row.answer)
    return Problem(
        id=row.id,
        task=SvampFormulas.name,
        split=split,
        question=row.question,
        answer=answer,
        reference=formula_format.solution(render_formula(row.operations), answer),
        difficulty="1 step" if steps == 1 else f"{steps} steps",
        meta={
            "steps": steps,
            "numbers": numbers,
            "unused": [index for index in range(len(numbers)) if f"n{index}" not in used],
        },
    )


def _story(problem: Problem) -> str:
    """The question with a blank for each number, in lower case."""
    return NUMBER.sub("_", problem.question).lower()
