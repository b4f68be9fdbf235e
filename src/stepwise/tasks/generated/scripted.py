"""The base of tasks with a generator and a scripted solver: splits without overlap, numbered steps, verdicts."""

from __future__ import annotations

import random
import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Form, Problem, Prompt, Solution, Split, Step, Verdict
from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.base import Loaded

FINAL = "Final response"
"""The id of a rationale's last line, in place of a number."""
LEAD_IN = "Let's think step by step."
_STEP_ID = re.compile(rf"\(({FINAL}|\d+(?:\.\d+)*)\)\s")
_ANSWER = re.compile(r"answer is\b:?(.*)", re.IGNORECASE)
_DRAWS = 200
"""Draws of an already used question in a row after which a cell counts as exhausted."""

Cell = TypeVar("Cell")


def solution(steps: Sequence[tuple[str, str]], answer: str) -> Solution:
    """A solution of (id, text) steps, each on a line `(id) text`."""
    lines = tuple(Step(id=number, text=f"({number}) {text}") for number, text in steps)
    return Solution(text="\n".join(step.text for step in lines), steps=lines, answer=answer)


def read_steps(text: str) -> tuple[Step, ...]:
    """The lines of a text as steps; a line without a number has an empty id. Blank lines are skipped."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(Step(id=match[1] if (match := _STEP_ID.match(line)) else "", text=line) for line in lines)


def stated_answer(text: str) -> str | None:
    """The rest of the line after the last `answer is`, or None."""
    answers = _ANSWER.findall(text)
    return answers[-1] if answers else None


def sole_line(text: str) -> str | None:
    """The only line of a completion that has neither steps nor `answer is`, without `Answer:`; None for other texts.

    A model that is trained to answer without reasoning writes only the answer.
    """
    lines = text.strip().splitlines()
    if len(lines) != 1 or _STEP_ID.match(f"{lines[0]} ") or _ANSWER.search(text):
        return None
    return lines[0].removeprefix("Answer:").strip() or None


class ScriptedTask(ABC, Generic[Cell]):
    """A generated task: problems are drawn from cells of equal difficulty, the same number from each.

    The splits of a seed never share a question. Splits are drawn in the order test, dev, train, and a split does not
    depend on the sizes of those drawn after it.
    """

    name: ClassVar[str]
    form: Form = "scripted"
    stop: tuple[str, ...] = ("\nQ:",)
    hint: ClassVar[str] = ""
    """What the prompt says after the lead-in."""
    sizes: ClassVar[dict[Split, int]]
    """Sizes of train and test if the parameters say 0."""

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):  # noqa: ARG002 - all tasks take it
        if params.form != self.form:
            raise ParamsError(f"task.{self.name}.form: {params.form!r} is not known here; use {self.form!r}")
        self.seed = seed
        self.counts: dict[Split, int] = {
            "test": params.test or self.sizes["test"],
            "dev": params.dev,
            "train": params.train or self.sizes["train"],
        }

    @abstractmethod
    def cells(self, split: Split) -> Sequence[Cell]:
        """The cells of a split, easiest first."""

    @abstractmethod
    def draw(self, cell: Cell, generator: random.Random) -> str:
        """A question of the cell."""

    @abstractmethod
    def problem(self, question: str, cell: Cell, split: Split, number: int) -> Problem:
        """The question with its gold answer, its reference and its bin."""

    @abstractmethod
    def strict_answer(self, text: str) -> str | None:
        """The answer according to the paper's extraction."""

    @abstractmethod
    def canonical(self, answer: str) -> str | None:
        """An answer, or a phrase that contains one, in the form used for comparison; None if it contains none."""

    @abstractmethod
    def only_answer(self, line: str) -> str | None:
        """The answer if the line is an answer and nothing else."""

    def robust_answer(self, text: str) -> str | None:
        """The answer as a human reader would find it: after the last `answer is` on any line, or the whole text."""
        stated = stated_answer(text)
        if stated is None:
            stated = self._only_answer(text)
        return None if stated is None else self.canonical(stated)

    def robust_reading(self, problem: Problem, text: str) -> str | None:  # noqa: ARG002 - for tasks with options
        """The robust answer to a problem."""
        return self.robust_answer(text)

    def identity(self, question: str) -> str:
        """A key that is equal for two questions that are the same problem."""
        return question

    def load(self, split: Split) -> Loaded:
        """Generate the split. Raises ParamsError if a cell has too few distinct questions."""
        taken: set[str] = set()
        for earlier in self.counts:
            drawn = list(self._questions(earlier, taken))
            if earlier == split:
                break
        problems = [self.problem(question, cell, split, number) for number, (question, cell) in enumerate(drawn)]
        return Loaded(problems=problems, read=len(problems))

    def prompt(self, problem: Problem) -> Prompt:
        """The question, its lettered options if it has any, and the lead-in, in one piece."""
        lead_in = f"{LEAD_IN} {self.hint}".rstrip()
        lines = [f"({letter}) {choice}" for letter, choice in zip(LETTERS, problem.choices, strict=False)]
        options = "\n".join(["\nOptions:", *lines]) if lines else ""
        return (f"Q: {problem.question}{options}\nAnswer: {lead_in}\n",)

    def parse(self, text: str) -> Solution:
        """A completion as numbered steps and the robust answer, cut off where it starts another question."""
        text = self._cut(text)
        return Solution(text=text, steps=read_steps(text), answer=self.robust_answer(text))

    def check(self, problem: Problem, completions: Sequence[str]) -> list[Verdict]:
        """Verdicts on completions of one problem, in order. Only the answer is checked, not the reasoning."""
        return self.check_many([(problem, completion) for completion in completions])

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts on (problem, completion) pairs, in order."""
        return [self._verdict(problem, self._cut(text)) for problem, text in pairs]

    def _cut(self, text: str) -> str:
        return text.partition(self.stop[0])[0].strip()

    def _verdict(self, problem: Problem, text: str) -> Verdict:
        strict, robust = self.strict_answer(text), self.robust_reading(problem, text)
        if strict is None:
            strict = self._only_answer(text)
        return Verdict(
            strict_answer=strict,
            strict_correct=strict == problem.answer,
            answer=robust,
            correct=robust is not None and robust == self.canonical(problem.answer),
        )

    def _only_answer(self, text: str) -> str | None:
        line = sole_line(text)
        return None if line is None else self.only_answer(line)

    def _questions(self, split: Split, taken: set[str]) -> Iterator[tuple[str, Cell]]:
        """Questions of a split, taking the cells in turn; none is in `taken`, and each is added to it."""
        generator = random.Random(f"{self.seed}/{self.name}/{split}")
        cells = self.cells(split)
        for number in range(self.counts[split]):
            cell = cells[number % len(cells)]
            for _ in range(_DRAWS):
                question = self.draw(cell, generator)
                if (identity := self.identity(question)) not in taken:
                    break
            else:
                raise ParamsError(
                    f"task.{self.name}: {cell} has too few distinct questions for {self.counts[split]} of {split}; "
                    "ask for fewer or widen the options"
                )
            taken.add(identity)
            yield question, cell
