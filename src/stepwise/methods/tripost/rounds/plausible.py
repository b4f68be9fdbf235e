"""Whether an attempt's last step leads to its answer, so that a right answer is not just lucky (spec 1.9, routing)."""

from __future__ import annotations

import re

from stepwise.records import Problem, Solution
from stepwise.tasks.answers.named_option import LETTERS

_WORD = re.compile(r"-?\w[\w'-]*")


def plausible(problem: Problem, solution: Solution) -> bool:
    """Whether the step before the final response ends with the answer, or names the option that is chosen.

    A step in which `?` stands for something that is still open leads to no answer.
    """
    if len(solution.steps) < 2 or not solution.answer:
        return False
    step = solution.steps[-2].text
    if "?" in step:
        return False
    if problem.choices:
        choice = dict(zip(LETTERS, problem.choices, strict=False)).get(solution.answer)
        return choice is not None and _words(choice) in _words(step)
    return _words(step).endswith(_words(solution.answer))


def _words(text: str) -> str:
    """The words in lower case, with a space on both sides, so that only whole words are compared."""
    return " ".join(["", *_WORD.findall(text.lower()), ""])
