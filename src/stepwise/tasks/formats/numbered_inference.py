"""Solutions on one line, numbered steps and the answer: `#0: tiny is small #1: Dan is small | Dan is small`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from stepwise.records import Prompt, Solution, Step

STOP = ("\n",)
_NUMBER = re.compile(r"(#\d+):")


def prompt(question: str) -> Prompt:
    """The question and the lead-in, in one piece."""
    return (f"Question:\n{question.strip()}\nSteps:\n",)


def solution(steps: Sequence[str], answer: str) -> Solution:
    """A solution of unnumbered steps and an answer; the numbers start at 0."""
    numbered = tuple(Step(id=f"#{number}", text=step) for number, step in enumerate(steps))
    return Solution(
        text=f"{' '.join(f'{step.id}: {step.text}' for step in numbered)} | {answer}", steps=numbered, answer=answer
    )


def read_steps(text: str) -> tuple[Step, ...]:
    """The steps in front of the last `|`; text before the first number is a step with an empty id."""
    steps, bar, _ = text.rpartition("|")
    head, *parts = _NUMBER.split(steps if bar else text)
    numbered = [Step(id=number, text=step.strip()) for number, step in zip(parts[::2], parts[1::2], strict=True)]
    return (Step(text=head.strip()), *numbered) if head.strip() else tuple(numbered)


def read_answer(text: str) -> str | None:
    """What stands behind the last `|`; None if there is none."""
    _, bar, answer = text.rpartition("|")
    return answer.strip() if bar else None
