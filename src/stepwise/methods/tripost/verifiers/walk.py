"""What the scripted verifiers and improvers share: an attempt is read step by step up to its first error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from stepwise.methods.tripost.roles import CORRECT
from stepwise.records import Feedback, Solution, Step


class WrongStepError(Exception):
    """A step that is wrong. The segment is a part of its text, the reason a clause."""

    def __init__(self, kind: str, segment: str, reason: str):
        super().__init__(reason)
        self.kind, self.segment, self.reason = kind, segment, reason


class UnreadableStepError(Exception):
    """A step that cannot be judged because it does not follow the grammar of the task's rationales."""


class Reader(Protocol):
    """Reads the steps of one attempt in order and remembers what they establish."""

    finished: bool
    """Whether the final response has been read."""

    def read(self, step_id: str, text: str) -> None:
        """Read the next step, without its number. Raises WrongStepError or UnreadableStepError."""
        ...


def first_error(reader: Reader, steps: Sequence[Step]) -> Feedback | None:
    """The first error of an attempt, CORRECT if there is none, or None if it cannot be judged.

    An error counts even if later steps cannot be read.
    """
    for step in steps:
        try:
            _read(reader, step)
        except WrongStepError as error:
            return Feedback(kind=error.kind, step=step.id, segment=error.segment, text=error.reason)
        except UnreadableStepError:
            return None
    return CORRECT if reader.finished else None


def completed(reader: Reader, prefix: Sequence[Step], next_step: Callable[[], tuple[str, str]]) -> Solution | None:
    """The steps of the prefix followed by the steps that `next_step` proposes until the final response.

    Every step is read by the reader, so the result has been verified. None if a step of the prefix is wrong or cannot
    be read, or if nothing correct follows from it.
    """
    steps = list(prefix)
    try:
        for step in prefix:
            _read(reader, step)
        while not reader.finished:
            step_id, text = next_step()
            reader.read(step_id, text)
            steps.append(Step(id=step_id, text=f"({step_id}) {text}"))
    except (WrongStepError, UnreadableStepError):
        return None
    return Solution(text="\n".join(step.text for step in steps), steps=tuple(steps))


def _read(reader: Reader, step: Step) -> None:
    if not step.id or reader.finished:
        raise UnreadableStepError
    reader.read(step.id, step.text.removeprefix(f"({step.id})").strip())
