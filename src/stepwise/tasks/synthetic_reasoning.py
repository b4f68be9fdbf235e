"""Synthetic natural-language reasoning: what follows from a fact by rules about attributes, with the steps to it.

The problems are those of HELM's scenario `synthetic_reasoning_natural`, the explanations those of REFINER (arXiv
2304.01904, section 4). A solution is one line: the steps, a bar, and the conclusion.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from stepwise.params import ParamsError, Section, TaskParams
from stepwise.records import Problem, Prompt, Solution, Split
from stepwise.tasks.base import Loaded, read_options
from stepwise.tasks.formats import numbered_inference
from stepwise.tasks.generated.rule_inference import NOTHING, answer, explanation
from stepwise.tasks.generated.rule_questions import Level, draw_question, read_question
from stepwise.tasks.generated.scripted import ScriptedTask, stated_answer

PUBLISHED: dict[Split, tuple[int, int]] = {"train": (0, 1000), "dev": (1000, 6000), "test": (6000, 11000)}
"""Where each split of the published problems begins and ends among the draws of one generator."""
PUBLISHED_SEED = 42
_CONCLUSION = re.compile(r"(?:the )?(\w+) is (\w+)(?: and (?:(?:the )?\1 is )?(\w+))?")


class Options(Section):
    """Difficulty and origin of the questions."""

    level: Level = Field("hard")
    """easy: rules about the subject itself; medium: or about its class; hard: and facts use synonyms."""
    source: Literal["generated", "published"] = "generated"
    """published: the problems of the paper's files, 1,000 for training and 5,000 each for dev and test, whatever the
    seed; a smaller split takes the first of them."""


class SyntheticReasoning(ScriptedTask[Level]):
    """Draw the conclusion from five rules and a fact; a cell is the level."""

    name: ClassVar[str] = "synthetic_reasoning"
    stop: tuple[str, ...] = numbered_inference.STOP
    sizes: ClassVar[dict[Split, int]] = {"train": 1000, "test": 5000}  # the paper's

    def __init__(self, params: TaskParams, seed: int, data: Path | None = None):
        super().__init__(params, seed, data)
        self.options = read_options(self.name, params, Options)
        if self.options.source == "published":
            for split, (start, end) in PUBLISHED.items():
                if self.counts[split] > end - start:
                    raise ParamsError(
                        f"task.{self.name}.{split}: {self.counts[split]} problems requested, but {end - start} are "
                        "published; ask for fewer, or set options.source to generated"
                    )

    def cells(self, split: Split) -> Sequence[Level]:  # noqa: ARG002 - splits do not differ
        """The level."""
        return (self.options.level,)

    def draw(self, cell: Level, generator: random.Random) -> str:
        """The next question of the generator."""
        return draw_question(cell, generator).text

    def load(self, split: Split) -> Loaded:
        """The split; see ScriptedTask. Published problems come in their order."""
        if self.options.source == "generated":
            return super().load(split)
        level, generator = self.options.level, random.Random(PUBLISHED_SEED)
        start, _ = PUBLISHED[split]
        questions = (self.draw(level, generator) for _ in range(start + self.counts[split]))
        drawn = enumerate(islice(questions, start, None))
        problems = [self.problem(question, level, split, number) for number, question in drawn]
        return Loaded(problems=problems, read=len(problems))

    def problem(self, question: str, cell: Level, split: Split, number: int) -> Problem:
        """The solved question; its difficulty is the number of steps."""
        puzzle = read_question(question)
        steps = explanation(puzzle)
        reference = numbered_inference.solution(steps, answer(puzzle))
        return Problem(
            id=f"{self.name}-{split}-{number:05d}",
            task=self.name,
            split=split,
            question=question,
            answer=str(reference.answer),
            reference=reference,
            difficulty="1 step" if len(steps) == 1 else f"{len(steps)} steps",
            meta={"level": cell, "fired": len(puzzle.fired)},
        )

    def prompt(self, problem: Problem) -> Prompt:
        """The question and the lead-in, in one piece."""
        return numbered_inference.prompt(problem.question)

    def parse(self, text: str) -> Solution:
        """The first line of a completion as steps without their numbers, and the robust answer."""
        text = self._cut(text)
        return Solution(text=text, steps=numbered_inference.read_steps(text), answer=self.robust_answer(text))

    def strict_answer(self, text: str) -> str | None:
        """What stands behind the last bar."""
        return numbered_inference.read_answer(text)

    def robust_answer(self, text: str) -> str | None:
        """The conclusion behind the last bar, or after `answer is`, or the whole line."""
        stated = numbered_inference.read_answer(text) or stated_answer(text)
        return self.canonical(text if stated is None else stated)

    def only_answer(self, line: str) -> str | None:
        """The line if it is a conclusion."""
        return line if self.canonical(line) else None

    def canonical(self, answer: str) -> str | None:
        """A conclusion in small letters, without article and dot, its attributes in alphabetical order."""
        text = answer.strip(" .:*").lower()
        if text == NOTHING.lower():
            return text
        if not (match := _CONCLUSION.fullmatch(text)):
            return None
        return f"{match[1]} is {' and '.join(sorted(filter(None, match.groups()[1:])))}"
