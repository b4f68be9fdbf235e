"""Problems, and attempts made from their gold rationales."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import cache

from stepwise.params import TaskParams
from stepwise.records import Feedback, Problem, Solution, Step
from stepwise.tasks.date_understanding import DateUnderstanding
from stepwise.tasks.generated.scripted import FINAL, read_steps
from stepwise.tasks.logical_deduction import LogicalDeduction
from stepwise.tasks.multistep_arithmetic import MultistepArithmetic
from stepwise.tasks.word_sorting import WordSorting

DEPTHS = [[2], [2, 2], [2, 2, 2]]
LENGTHS = [2, 3, 4, 5, 6]


def arithmetic_task(problems: int, seed: int, **options: object) -> MultistepArithmetic:
    options = {"test_lengths": LENGTHS, "test_depths": DEPTHS, **options}
    return MultistepArithmetic(TaskParams(form="scripted", train=1, dev=1, test=problems, options=options), seed)


def sorting_task(problems: int, seed: int, **options: object) -> WordSorting:
    return WordSorting(TaskParams(form="scripted", train=1, dev=1, test=problems, options=options), seed)


def date_task(problems: int, seed: int, **options: object) -> DateUnderstanding:
    return DateUnderstanding(TaskParams(form="scripted", train=1, dev=1, test=problems, options=options), seed)


def deduction_task(problems: int, seed: int, **options: object) -> LogicalDeduction:
    return LogicalDeduction(TaskParams(form="scripted", train=1, dev=1, test=problems, options=options), seed)


@cache
def arithmetic_problems(problems: int, seed: int) -> list[Problem]:
    return arithmetic_task(problems, seed).load("test").problems


@cache
def sorting_problems(problems: int, seed: int) -> list[Problem]:
    return sorting_task(problems, seed).load("test").problems


@cache
def date_problems(problems: int, seed: int) -> list[Problem]:
    return date_task(problems, seed).load("test").problems


@cache
def deduction_problems(problems: int, seed: int) -> list[Problem]:
    """Problems with 3, 5 and 7 objects."""
    return deduction_task(problems, seed).load("test").problems


def texts(solution: Solution) -> list[str]:
    """The steps without their numbers."""
    return [step.text.removeprefix(f"({step.id}) ") for step in solution.steps]


def numbered(lines: Sequence[str]) -> Solution:
    """An attempt whose steps are numbered 1, 2, 3, ... up to the final response."""
    return attempt([*((str(number), line) for number, line in enumerate(lines[:-1], 1)), (FINAL, lines[-1])])


def attempt(steps: Sequence[tuple[str, str]]) -> Solution:
    """An attempt as a task parses it."""
    text = "\n".join(f"({number}) {line}" for number, line in steps)
    return Solution(text=text, steps=read_steps(text))


def pairs(solution: Solution) -> list[tuple[str, str]]:
    """Ids and texts of the steps."""
    return [(step.id, text) for step, text in zip(solution.steps, texts(solution), strict=True)]


def prefix(solution: Solution, feedback: Feedback) -> tuple[Step, ...]:
    """The steps before the erroneous one."""
    ids = [step.id for step in solution.steps]
    assert feedback.step is not None
    return solution.steps[: ids.index(feedback.step)]


def scribbled(solution: Solution, generator: random.Random) -> Solution:
    """The attempt with one random change of a character, a word or a line."""
    text = solution.text
    position = generator.randrange(len(text))
    kind = generator.randrange(5)
    if kind == 0:
        text = text[:position] + text[position + 1 :]
    elif kind == 1:
        text = text[:position] + generator.choice(text) + text[position:]
    elif kind == 2:
        words = text.split(" ")
        words[generator.randrange(len(words))] = generator.choice(words)
        text = " ".join(words)
    else:
        lines = text.split("\n")
        first, second = generator.randrange(len(lines)), generator.randrange(len(lines))
        if kind == 3:
            lines[first], lines[second] = lines[second], lines[first]
        else:
            del lines[first]
        text = "\n".join(lines)
    return Solution(text=text, steps=read_steps(text))
