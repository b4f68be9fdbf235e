"""Logical deduction (BIG-bench): the order of a few objects from statements about it, with a scripted rationale.

TriPosT, section 4.1. There the questions are BIG-bench's and the rationales a language model's; here programs write
both. Every statement becomes an ordering with gaps, and two orderings at a time are combined until no gap is left.
"""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from stepwise.params import ParamsError, Section, TaskParams
from stepwise.records import Problem, Solution, Split
from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.base import Loaded, read_options
from stepwise.tasks.generated.combining import Combiner
from stepwise.tasks.generated.orderings import MOST
from stepwise.tasks.generated.puzzle_scenes import SCENES, SceneName, draw_question
from stepwise.tasks.generated.puzzles import PuzzleError, read_puzzle
from stepwise.tasks.generated.scripted import FINAL, solution
from stepwise.tasks.generated.scripted_choices import ScriptedChoiceTask
from stepwise.tasks.published.deduction_rows import big_bench_deductions

Objects = Annotated[int, Field(ge=3, le=MOST)]


class Options(Section):
    """Difficulty of the generated questions; the paper's by default."""

    train_objects: tuple[Objects, ...] = Field((3, 5), min_length=1)
    """Objects per question in training."""
    test_objects: tuple[Objects, ...] = Field((3, 5, 7), min_length=1)
    scenes: tuple[SceneName, ...] = Field(tuple(SCENES), min_length=1)
    """What the questions are about."""
    scene_size: int = Field(0, ge=0)
    """How many of a scene's objects the questions choose from, the same ones for every seed; 0 means all."""
    test_source: Literal["generated", "bigbench"] = "generated"
    """bigbench: the test split is the published rows of BIG-bench, which have no rationales."""


class LogicalDeduction(ScriptedChoiceTask[int]):
    """Which of a few objects has a certain place; a cell is the number of objects."""

    name: ClassVar[str] = "logical_deduction"
    hint: ClassVar[str] = "In an ordering, ? is exactly one object and ?? is any number of them, or none."
    sizes: ClassVar[dict[Split, int]] = {"train": 360, "test": 300}  # the paper's

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):
        super().__init__(params, seed, data)
        self.options = read_options(self.name, params, Options)
        self.data = data or Path(os.environ.get("STEPWISE_DATA") or "data/raw")
        self._test = params.test
        size = self.options.scene_size
        if size and size < (most := max(*self.options.train_objects, *self.options.test_objects)):
            raise ParamsError(f"task.{self.name}.options: questions of {most} objects, but scene_size is {size}")
        scenes = [SCENES[scene] for scene in self.options.scenes]
        self._scenes = [scene._replace(objects=scene.objects[: size or None]) for scene in scenes]

    def cells(self, split: Split) -> Sequence[int]:
        """Numbers of objects: the training ones for train and dev, the test ones for test."""
        return self.options.test_objects if split == "test" else self.options.train_objects

    def draw(self, cell: int, generator: random.Random) -> str:
        """A question that the solver can solve; with seven objects, one in a hundred is drawn again."""
        while True:
            question = draw_question(cell, self._scenes, generator)
            try:
                solve(question, choices(question))
            except PuzzleError:
                continue
            return question

    def load(self, split: Split) -> Loaded:
        """The split; see ScriptedTask. The rows of BIG-bench are drawn by the seed, and 0 means all of them.

        Raises DataError if they are requested and a file of them is missing or damaged.
        """
        if split == "test" and self.options.test_source == "bigbench":
            return big_bench_deductions(self.data, self._test, self.seed, self.options.train_objects)
        return super().load(split)

    def identity(self, question: str) -> str:
        """The set of objects and the statements in any order."""
        puzzle = read_puzzle(question)
        statements = sorted(statement.text for statement in puzzle.statements)
        return ". ".join([", ".join(sorted(puzzle.objects)), *statements])

    def problem(self, question: str, cell: int, split: Split, number: int) -> Problem:
        """The solved question with an option for each object."""
        options = choices(question)
        reference = solve(question, options)
        return Problem(
            id=f"{self.name}-{split}-{number:05d}",
            task=self.name,
            split=split,
            question=question,
            answer=str(reference.answer),
            reference=reference,
            bin="seen" if cell in self.options.train_objects else "unseen",
            difficulty=str(cell),
            choices=options,
            meta={"objects": cell},
        )


def choices(question: str) -> tuple[str, ...]:
    """A sentence for each object that gives it the same place; which place depends on the question alone."""
    wording = read_puzzle(question).wording
    size = len(wording.subjects)
    place = random.Random(question).randint(1, size)
    return tuple(wording.place(index, place) for index in range(size))


def solve(question: str, options: Sequence[str]) -> Solution:
    """Solve a question with a numbered rationale; the answer is the letter of the only option that is true.

    Raises PuzzleError, see Writer.
    """
    writer = Writer(question, options)
    steps: list[tuple[str, str]] = []
    orderings: dict[int, int] = {}
    while (ordering := writer.next_ordering(len(steps), orderings)) is not None:
        text, orders = ordering
        steps.append((str(len(steps) + 1), text))
        if orders is not None:
            orderings[len(steps)] = orders
    steps.append((str(len(steps) + 1), writer.conclusion))
    return solution([*steps, (FINAL, writer.final)], writer.letter)


class Writer:
    """Writes the lines of a question's rationale.

    Raises PuzzleError if the question cannot be read, if it has not exactly one order and one true option, or if some
    combination of its statements cannot be written as an ordering with gaps.
    """

    def __init__(self, question: str, options: Sequence[str]):
        self.puzzle = puzzle = read_puzzle(question)
        self._combiner = Combiner(puzzle)
        self.order = puzzle.common
        patterns = [puzzle.read(option) for option in options]
        true = [n for n, pattern in enumerate(patterns) if pattern and puzzle.orders.matching(pattern) & self.order]
        if self.order.bit_count() != 1 or len(true) != 1:
            raise PuzzleError(
                f"{question!r} leaves {self.order.bit_count()} orders and {len(true)} true options, not one"
            )
        sentence = options[true[0]]
        self.letter = LETTERS[true[0]]
        self.conclusion = f"According to this ordering, {puzzle.inside(sentence)}"
        self.final = f"{sentence} So the answer is ({self.letter})."

    def next_ordering(self, steps: int, orderings: Mapping[int, int]) -> tuple[str, int | None] | None:
        """The line after a number of steps, with its orders if it has any; None if the order is written.

        `orderings` are the orders that the steps allow, by step.
        """
        puzzle = self.puzzle
        if steps < len(puzzle.statements):
            statement = puzzle.statements[steps]
            return f'{statement.text}: "{puzzle.quoted(statement.pattern)}".', puzzle.allowed[steps]
        if steps == len(puzzle.statements):
            return f"{puzzle.total}.", None
        if self.order in orderings.values():
            return None
        combination = self._combiner.next_combination(orderings)
        if combination is None:
            raise PuzzleError(f"{puzzle.statements} cannot be combined two at a time in orderings with gaps")
        first, second = combination.steps
        text = f'Combining ({first}) and ({second}): "{puzzle.quoted(combination.pattern)}".'
        return text, puzzle.orders.matching(combination.pattern)
