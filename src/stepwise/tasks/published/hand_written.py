"""Problems with solutions that were written for this project: examples to show where a data set has none of its own."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from pydantic import Field

from stepwise.records import Record


class HandWritten(Record):
    """A multiple-choice problem as it stands in `shots/`, one a line."""

    question: str
    choices: tuple[str, ...] = ()
    """Empty where all questions of the task have the same."""
    answer: str
    """The letter."""
    steps: tuple[str, ...] = Field(min_length=1)
    kind: str = ""
    """The category of problems that it is one of."""


@cache
def hand_written(task: str) -> tuple[HandWritten, ...]:
    """The problems of a task, in the file's order; none if there is no file."""
    path = files("stepwise.tasks.published").joinpath("shots", f"{task}.jsonl")
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(HandWritten.model_validate(json.loads(line)) for line in lines if line.strip())
