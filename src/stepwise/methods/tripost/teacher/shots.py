"""The examples in a teacher's prompts, written by hand: one file a task, `shots/TASK.yaml`."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from pydantic import Field, ValidationError
from yaml import YAMLError

from stepwise.errors import StepwiseError
from stepwise.params.base import parse_yaml
from stepwise.records import Problem, Record


class ShotsError(StepwiseError, ValueError):
    """A task without valid examples; the message names the file to write."""


class RightShot(Record):
    """A question with a right attempt."""

    question: str
    choices: tuple[str, ...] = ()
    attempt: str
    """Lines of the form that the task's solutions have."""

    def problem(self, task: str) -> Problem:
        """The question as a problem of the task, without a gold answer."""
        return Problem(id="shot", task=task, split="train", question=self.question, choices=self.choices, answer="")


class WrongShot(RightShot):
    """A question with a wrong attempt and its earliest error."""

    step: str
    """The id of the erroneous step as it is printed: `2`, `3.1` or `Final response`."""
    segment: str
    """The wrong part of the step, copied from it."""
    reason: str
    """A clause that begins in lower case and has no full stop at the end."""


class UpdateShot(WrongShot):
    """A wrong attempt with its correction."""

    update: str
    """The corrected attempt; it begins with the steps before the error."""


class Shots(Record):
    """The content of a file."""

    wrong: tuple[WrongShot, ...] = Field(min_length=1)
    """What a verifier sees."""
    right: RightShot
    """What a verifier also sees if it may say that nothing is wrong."""
    update: tuple[UpdateShot, ...] = Field(min_length=1)
    """What an improver sees."""


def taught_tasks() -> list[str]:
    """The tasks with examples."""
    return sorted(file.name.removesuffix(".yaml") for file in _room().iterdir())


def _room() -> Traversable:
    return files("stepwise.methods.tripost.teacher").joinpath("shots")


@cache
def read_shots(task: str) -> Shots:
    """The examples of a task. Raises ShotsError if it has no valid file."""
    path, name = _room().joinpath(f"{task}.yaml"), f"methods/tripost/teacher/shots/{task}.yaml"
    if not path.is_file():
        others = ", ".join(taught_tasks())
        raise ShotsError(
            f"a language model cannot teach {task} without examples; write {name} or use a task that has them: {others}"
        )
    try:
        return Shots.model_validate(parse_yaml(path.read_text(encoding="utf-8")))
    except (YAMLError, ValidationError) as error:
        raise ShotsError(f"{name} has no valid examples: {error}") from error
