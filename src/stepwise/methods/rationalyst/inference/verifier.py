"""The verifier's prompt, which asks for a grade from 0 to 3, and the parsing of its reply. No torch here."""

from __future__ import annotations

import re

_GRADE = re.compile(r"(?<![\d.])[0-3](?![\d.]\d|\d)")

INSTRUCTION = "You grade the proposed next step of a solution with a number from 0 to 3."
"""The system turn in a chat template."""
LEAD = "Grade:"
"""The prescribed beginning of the reply: small models give a grade only when led to it."""
GRADE_TOKENS = 3
"""Longest reply after the lead; a grade that comes later does not count."""


def question(text: str, step: str) -> str:
    """The verifier's question: the solution so far, a candidate for its next step, and the scale."""
    return (
        f"{text.strip()}\n\nProposed next step: {step.strip()}\n\n"
        "Grade the proposal. 0: wrong. 1: no help. 2: helps. 3: right and the best way on. Reply with the number only."
    )


def grade(reply: str) -> int | None:
    """The first number from 0 to 3 that stands alone, or None if there is none (the released code draws one then)."""
    match = _GRADE.search(reply)
    return int(match.group()) if match else None
