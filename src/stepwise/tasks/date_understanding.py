"""Date understanding (BIG-bench): the date of a day that a question describes, worked out step by step.

The questions are generated, and their rationales are calendar arithmetic: the stated day as a date, then one shift a
line. The bins are the paper's (TriPosT, arXiv 2310.13522): rationales of one or two steps are seen in training, longer
ones are not; the final response does not count as a step.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stepwise.params import ParamsError, Section, TaskParams
from stepwise.records import Problem, Solution, Split
from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.base import Loaded, read_options
from stepwise.tasks.generated.date_choices import draw_choices
from stepwise.tasks.generated.date_days import Style
from stepwise.tasks.generated.date_questions import DateQuestion, Limits, days_of, draw_question, read_question
from stepwise.tasks.generated.dates import Shift, Unit, written
from stepwise.tasks.generated.scripted import FINAL, solution
from stepwise.tasks.generated.scripted_choices import ScriptedChoiceTask
from stepwise.tasks.published.date_rows import big_bench_dates

Steps = Annotated[int, Field(ge=1, le=4)]
Year = Annotated[int, Field(ge=1000, le=9000)]
Amount = Annotated[int, Field(ge=1, le=100)]


class Options(Section):
    """Difficulty of the generated questions."""

    train_steps: tuple[Steps, ...] = Field((1, 2), min_length=1)
    """Steps of the rationale in training: one for the stated day, and one for each shift."""
    test_steps: tuple[Steps, ...] = Field((1, 2, 3, 4), min_length=1)
    years: tuple[Year, Year] = (1940, 2039)
    """First and last year of the day that a question states."""
    styles: tuple[Style, ...] = Field(("numeric", "month", "named"), min_length=1)
    """How it is stated: `4/30/2021`, `April 30, 2021`, `the last day of 2018`."""
    units: tuple[Unit, ...] = Field(("day", "week", "month", "year"), min_length=1)
    """What dates are shifted by."""
    max_days: Amount = 10
    """Longest shift in days."""
    max_weeks: Amount = 3
    max_months: Amount = 6
    max_years: Amount = 10
    test_source: Literal["generated", "bigbench"] = "generated"
    """bigbench: the test split is the published rows of BIG-bench, which have no rationales and no seen bin."""


class DateUnderstanding(ScriptedChoiceTask[int]):
    """Choose the date among six options; a cell is the number of steps."""

    name: ClassVar[str] = "date_understanding"
    sizes: ClassVar[dict[Split, int]] = {"train": 191, "test": 77}  # the paper's

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):
        super().__init__(params, seed, data)
        self.options = read_options(self.name, params, Options)
        self.data = data or Path(os.environ.get("STEPWISE_DATA") or "data/raw")
        self._test = params.test
        first, last = self.options.years
        if first > last:
            raise ParamsError(f"task.{self.name}.options.years: {first} comes after {last}")
        self._limits = Limits(
            years=(first, last),
            styles=self.options.styles,
            units=self.options.units,
            most={
                "day": self.options.max_days,
                "week": self.options.max_weeks,
                "month": self.options.max_months,
                "year": self.options.max_years,
            },
        )

    def cells(self, split: Split) -> Sequence[int]:
        """Numbers of steps: the training ones for train and dev, the test ones for test."""
        return self.options.test_steps if split == "test" else self.options.train_steps

    def draw(self, cell: int, generator: random.Random) -> str:
        """A question that takes this many steps."""
        return draw_question(cell - 1, self._limits, generator)

    def identity(self, question: str) -> str:
        """The way to the date: the same one in other words is the same problem."""
        return "\n".join(steps(_read(question)))

    def problem(self, question: str, cell: int, split: Split, number: int) -> Problem:
        """The question with its options, solved."""
        choices = draw_choices(_read(question), random.Random(f"{self.seed}/{self.name}/{question}"))
        reference = solve(question, choices)
        return Problem(
            id=f"{self.name}-{split}-{number:05d}",
            task=self.name,
            split=split,
            question=question,
            answer=str(reference.answer),
            reference=reference,
            bin="seen" if cell in self.options.train_steps else "unseen",
            difficulty="1-2" if cell <= 2 else "3+",
            choices=choices,
            meta={"steps": cell},
        )

    def load(self, split: Split) -> Loaded:
        """The split; see ScriptedTask. The rows of BIG-bench are drawn by the seed, and 0 means all of them.

        Raises DataError if they are requested and their file is missing or damaged.
        """
        if split == "test" and self.options.test_source == "bigbench":
            return big_bench_dates(self.data, self._test, self.seed)
        return super().load(split)


def solve(question: str, choices: Sequence[str]) -> Solution:
    """A generated question with its rationale: the stated day as a date, one line a shift, the option of the last date.

    Raises ValueError if the question is not in the task's words or if not exactly one option has its date.
    """
    read = _read(question)
    answer = written(days_of(read)[-1])
    letters = [letter for letter, choice in zip(LETTERS, choices, strict=False) if choice == answer]
    if len(letters) != 1:
        raise ValueError(f"{len(letters)} of the options {list(choices)} are {answer}, the date of {question!r}")
    numbered = [(str(number), text) for number, text in enumerate(steps(read), 1)]
    return solution([*numbered, (FINAL, f"So the answer is ({letters[0]}).")], letters[0])


def steps(question: DateQuestion) -> list[str]:
    """The lines of the rationale before the final response, without their numbers."""
    days = days_of(question)
    return [stated(question), *(shifted(shift, day) for shift, day in zip(question.shifts, days, strict=False))]


def stated(question: DateQuestion) -> str:
    """The first step, such as `The last day of 2018 is 12/31/2018`."""
    return f"{question.day[0].upper()}{question.day[1:]} is {written(question.start)}."


def shifted(shift: Shift, day: date) -> str:
    """A step that shifts a day, such as `3 days before 02/27/2019 is 02/24/2019`."""
    return f"{shift} {written(day)} is {written(shift.shifted(day))}."


def _read(question: str) -> DateQuestion:
    read = read_question(question)
    if read is None:
        raise ValueError(f"{question!r} is not in the words of the questions that can be solved")
    return read
