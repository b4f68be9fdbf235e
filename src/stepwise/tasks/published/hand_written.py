"""Solved problems written for this project: few-shot examples for data sets that have no solutions of their own."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from pydantic import Field

from stepwise.records import Record


class HandWritten(Record):
    """A multiple-choice problem: a line of a file in `shots/`."""

    question: str
    choices: tuple[str, ...] = ()
    """Empty if all questions of the task share their options."""
    answer: str
    """The letter."""
    steps: tuple[str, ...] = Field(min_length=1)
    kind: str = ""
    """The category of the problem, such as MMLU-Pro's field."""


@cache
def hand_written(task: str) -> tuple[HandWritten, ...]:
    """The problems of a task in file order; none if there is no file."""
    path = files("stepwise.tasks.published").joinpath("shots", f"{task}.jsonl")
    if not path.is_file():
        return ()
    lines = path.read_text(encoding="utf-8").splitlines()
    return tuple(HandWritten.model_validate(json.loads(line)) for line in lines if line.strip())
