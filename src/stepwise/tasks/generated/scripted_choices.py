"""The base of scripted tasks whose answer is the letter of an option."""

from __future__ import annotations

import re
from typing import TypeVar

from stepwise.records import Problem
from stepwise.tasks.answers.named_option import named_option
from stepwise.tasks.answers.numbers import strict_letter
from stepwise.tasks.generated.scripted import ScriptedTask, sole_line, stated_answer

Cell = TypeVar("Cell")

_LETTER = re.compile(r"\(?([A-J])\)?\.?")


class ScriptedChoiceTask(ScriptedTask[Cell]):
    """A scripted task whose problems have `choices`, the texts of the options, and an upper-case letter as `answer`."""

    def strict_answer(self, text: str) -> str | None:
        """The letter of the last `answer is (X)`."""
        return strict_letter(text)

    def only_answer(self, line: str) -> str | None:
        """The letter in `B` or `(B)`."""
        match = _LETTER.fullmatch(line)
        return match and match[1]

    def canonical(self, answer: str) -> str | None:
        """The letter."""
        return named_option(f"answer is {answer}", ())

    def robust_reading(self, problem: Problem, text: str) -> str | None:
        """The letter of the option that is stated by its letter or by its words."""
        stated = stated_answer(text)
        if stated is not None:
            return named_option(f"answer is {stated}", problem.choices)
        line = sole_line(text)
        return None if line is None else named_option(line, problem.choices)
