"""Strict answer extraction as in RATIONALYST's released evaluation code (arXiv 2410.01044).

The answer is the text after the first end phrase, trimmed by a rule for each kind of answer. Two differences from the
released code: an extract that is not an answer of the expected kind counts as no answer, and MMLU-Pro gets no letter
drawn at random when the text names none.
"""

from __future__ import annotations

import re

_PHRASES = ("the answer is", "The correct answer is", "The answer is", "the correct answer is indeed")
"""In order of precedence. The released list has two more, with `indeed`, but a shorter phrase always matches first."""

_NUMBER = re.compile(r"-?[0-9.,]+")
_BRACKETED = re.compile(r"answer is:? \(?\(?([A-J])\b\)?\)?")
"""The optional colon is ours; this project's own answer line (`Therefore, the answer is: B`) needs it."""


def text_after_phrase(text: str) -> str | None:
    """The text that follows the end phrase, up to its next occurrence, on one line; None without an end phrase."""
    phrase = next((phrase for phrase in _PHRASES if phrase in text), None)
    return None if phrase is None else text.split(phrase)[1].replace("\n", " ")


def number(text: str) -> str | None:
    """The number that follows the end phrase (rule N1)."""
    statement = text_after_phrase(text)
    return None if statement is None else number_of(statement)


def number_of(statement: str) -> str | None:
    """The number in a statement, without thousands separators; in an equation, the number after the first `=`.

    Decimals are cut off rather than rounded, as in the released code: 1,200.50 becomes 1200.
    """
    side = statement.split("=")[1] if "=" in statement else statement
    side = side.strip().removesuffix(".").split(".")[0]
    match = _NUMBER.search(side)
    digits = match[0].replace(",", "") if match else ""
    return digits if any(character.isdigit() for character in digits) else None


def letter(text: str, letters: str) -> str | None:
    """The first word after the end phrase if it is exactly one of the letters (rule N2)."""
    statement = text_after_phrase(text)
    word = "" if statement is None else statement.strip().replace(": ", "").split(" ")[0]
    return word if len(word) == 1 and word in letters else None


def bracketed_letter(text: str, letters: str) -> str | None:
    """The letter of the first `answer is (B)` anywhere in the text; the brackets are optional (rule N3)."""
    match = _BRACKETED.search(text)
    return match[1] if match and match[1] in letters else None
