"""Multistep arithmetic (BIG-bench): nested brackets of small integers, with the scripted rationale of TriPosT."""

from __future__ import annotations

import math
import random
import re
import string
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from stepwise.params import ParamsError, Section, TaskParams
from stepwise.records import Problem, Solution, Split
from stepwise.tasks.answers.numbers import number_text, robust_number, strict_statement
from stepwise.tasks.base import read_options
from stepwise.tasks.generated.expressions import evaluate, parse, reduction
from stepwise.tasks.generated.scripted import FINAL, ScriptedTask, solution

_GROUP = re.compile(r"\([^()]*\)")
_ONLY_NUMBER = re.compile(r"([-−]?(?:\d{1,3}(?:,\d{3})+|\d{1,30}))\.?")

Length = Annotated[int, Field(ge=2)]
Depth = Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]


class Cell(NamedTuple):
    """Operands per innermost group, and branches at each level of brackets around it, outermost first."""

    length: int
    depth_levels: tuple[int, ...]


class Options(Section):
    """Difficulty of the generated expressions; the paper's by default."""

    train_lengths: tuple[Length, ...] = Field((3, 4), min_length=1)
    """Operands per innermost group in training."""
    train_depths: tuple[Depth, ...] = Field(((2,), (2, 2)), min_length=1)
    """Levels of brackets in training: [2, 2] is two brackets of two groups each."""
    test_lengths: tuple[Length, ...] = Field((3, 4, 5, 6), min_length=1)
    test_depths: tuple[Depth, ...] = Field(((2,), (2, 2), (2, 2, 2)), min_length=1)
    max_operand: int = Field(9, ge=1)
    """Operands are uniform between minus this and this."""
    operators: tuple[Literal["+", "-", "*"], ...] = Field(("+", "-", "*"), min_length=1)


class MultistepArithmetic(ScriptedTask[Cell]):
    """Evaluate an expression such as `((7 - -1 + -1 + -4) - (-7 + 7 * 3 * -9)) =`."""

    name: ClassVar[str] = "multistep_arithmetic"
    hint: ClassVar[str] = (
        "Inner brackets come first, then multiplication, then addition and subtraction from left to right."
    )
    sizes: ClassVar[dict[Split, int]] = {"train": 550, "test": 360}  # the paper's

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):
        super().__init__(params, seed, data)
        self.options = read_options(self.name, params, Options)
        for depth in (*self.options.train_depths, *self.options.test_depths):
            if math.prod(depth) > len(string.ascii_uppercase):
                raise ParamsError(f"task.{self.name}.options: depth {list(depth)} has over 26 groups, one a letter")

    def cells(self, split: Split) -> Sequence[Cell]:
        """The training lengths and depths for train and dev, the test ones for test."""
        return self._seen() if split != "test" else _cells(self.options.test_depths, self.options.test_lengths)

    def draw(self, cell: Cell, generator: random.Random) -> str:
        """A random expression of the cell, as a question."""
        return f"{self._bracket(cell.depth_levels, cell.length, generator)} ="

    def problem(self, question: str, cell: Cell, split: Split, number: int) -> Problem:
        """The solved question."""
        reference = solve(question)
        return Problem(
            id=f"{self.name}-{split}-{number:05d}",
            task=self.name,
            split=split,
            question=question,
            answer=str(reference.answer),
            reference=reference,
            bin="seen" if cell in self._seen() else "unseen",
            difficulty=self._difficulty(cell),
            meta={"length": cell.length, "depth_levels": list(cell.depth_levels)},
        )

    def strict_answer(self, text: str) -> str | None:
        """The number in the last line's only `the answer is N.`."""
        value = strict_statement(text)
        return None if value is None else number_text(value)

    def only_answer(self, line: str) -> str | None:
        """The number in `-1234`, `-1,234` or `-1234.`."""
        match = _ONLY_NUMBER.fullmatch(line)
        return match and self.canonical(match[1])

    def canonical(self, answer: str) -> str | None:
        """The number; in an equation, the right-hand side."""
        value = robust_number(f"answer is {answer}")
        return None if value is None else number_text(value)

    def _seen(self) -> list[Cell]:
        return _cells(self.options.train_depths, self.options.train_lengths)

    def _difficulty(self, cell: Cell) -> str:
        """`l3-4d22`: the range of lengths (of the seen or of the unseen ones) and the depth levels."""
        seen = set(self.options.train_lengths)
        lengths = seen if cell.length in seen else set(self.options.test_lengths) - seen
        low, high = min(lengths), max(lengths)
        return f"l{low if low == high else f'{low}-{high}'}d{''.join(map(str, cell.depth_levels))}"

    def _bracket(self, levels: Sequence[int], length: int, generator: random.Random) -> str:
        if levels:
            parts = [self._bracket(levels[1:], length, generator) for _ in range(levels[0])]
        else:
            bound = self.options.max_operand
            parts = [str(generator.randint(-bound, bound)) for _ in range(length)]
        text = parts[0]
        for part in parts[1:]:
            text += f" {generator.choice(self.options.operators)} {part}"
        return f"({text})"


def solve(question: str) -> Solution:
    """Solve an expression, with or without a trailing ` =`, with a numbered rationale.

    Every innermost group gets its own letter, even if two are equal. Each is reduced, and finally the expression of
    letters. Raises ValueError if the text is not an expression, has no brackets or has too many groups.
    """
    expression = question.strip().removesuffix("=").strip()
    groups = _GROUP.findall(expression)
    if not 1 <= len(groups) <= len(string.ascii_uppercase):
        raise ValueError(f"{question!r} has {len(groups)} innermost brackets; 1 to 26 can be lettered")
    names = iter(string.ascii_uppercase)
    lettered = _GROUP.sub(lambda _: next(names), expression)
    named = list(zip(string.ascii_uppercase, groups, strict=False))
    steps = [f'This equation can be written as "{lettered}", where {_listed([f"{n} = {g}" for n, g in named])}.']
    values = {}
    for name, group in named:
        trace = _trace(group)
        values[name] = trace[-1]
        steps.append(f"Let's calculate {name} = {' = '.join(trace)}.")
    trace = _trace(re.sub("[A-Z]", lambda match: values[match[0]], lettered))
    steps.append(f"Then, the final equation is {lettered} = {' = '.join(trace)}.")
    if trace[-1] != str(evaluate(parse(expression))):
        raise RuntimeError(f"the rationale of {question!r} ends with {trace[-1]}, which is not its value")
    numbered = [(str(number), text) for number, text in enumerate(steps, 1)]
    return solution([*numbered, (FINAL, f"So the answer is {trace[-1]}.")], trace[-1])


def _trace(text: str) -> list[str]:
    """The text, then the stages of its reduction, without the first stage if that is the text itself."""
    stages = reduction(parse(text))
    return stages if stages[0] == text else [text, *stages]


def _listed(items: Sequence[str]) -> str:
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else items[0]


def _cells(depths: Sequence[tuple[int, ...]], lengths: Sequence[int]) -> list[Cell]:
    return [Cell(length, depth) for depth, length in product(depths, lengths)]
