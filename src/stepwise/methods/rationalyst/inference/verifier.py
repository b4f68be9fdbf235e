"""A verifier is asked to grade a step from 0 to 3, and its answer is read. No torch here."""

from __future__ import annotations

import re

_GRADE = re.compile(r"(?<![\d.])[0-3](?![\d.]\d|\d)")

INSTRUCTION = "You grade the proposed next step of a solution with a number from 0 to 3."
"""What the verifier is told in a chat template, before the question."""
LEAD = "Grade:"
"""How the verifier's answer begins: small models grade only when led to it."""
GRADE_TOKENS = 3
"""What it may write on; a grade that is not in it is none."""


def question(text: str, step: str) -> str:
    """What the verifier reads: the solution so far, one candidate for its next step, and the scale."""
    return (
        f"{text.strip()}\n\nProposed next step: {step.strip()}\n\n"
        "Grade the proposal. 0: wrong. 1: no help. 2: helps. 3: right and the best way on. Reply with the number only."
    )


def grade(answer: str) -> int | None:
    """The first number from 0 to 3 that stands alone; None where there is none (the released code then draws one)."""
    found = _GRADE.search(answer)
    return int(found.group()) if found else None
