"""What RATIONALYST's evaluation takes for the answer (arXiv 2410.01044, released code): the papers' strict extraction.

An answer is what follows the first end phrase; a rule for each kind of answer cuts it to size. Where the released code
says something that is no answer of its kind, or draws a letter at random (MMLU-Pro), there is none here.
"""

from __future__ import annotations

import re

_PHRASES = ("the answer is", "The correct answer is", "The answer is", "the correct answer is indeed")
"""Looked for in this order. The released list has two more with `indeed`, which a shorter one always forestalls."""

_NUMBER = re.compile(r"-?[0-9.,]+")
_BRACKETED = re.compile(r"answer is:? \(?\(?([A-J])\b\)?\)?")
"""The colon is ours: without it no answer line of this project (`Therefore, the answer is: B`) would be read."""


def said(text: str) -> str | None:
    """What stands between the first occurrence of the first end phrase that occurs and its second occurrence."""
    phrase = next((one for one in _PHRASES if one in text), None)
    return None if phrase is None else text.split(phrase)[1].replace("\n", " ")


def number(text: str) -> str | None:
    """The number of a text: of an equation the second side, without thousands separators and decimals (rule N1)."""
    found = said(text)
    return None if found is None else number_of(found)


def number_of(found: str) -> str | None:
    """The number of what was said. Decimals are cut off, not rounded, as released: 1,200.50 is 1200."""
    side = found.split("=")[1] if "=" in found else found
    side = side.strip().removesuffix(".").split(".")[0]
    match = _NUMBER.search(side)
    digits = match[0].replace(",", "") if match else ""
    return digits if any(character.isdigit() for character in digits) else None


def letter(text: str, letters: str) -> str | None:
    """The first word of what was said, if it is one of the letters with nothing around it (rule N2)."""
    found = said(text)
    word = "" if found is None else found.strip().replace(": ", "").split(" ")[0]
    return word if len(word) == 1 and word in letters else None


def bracketed_letter(text: str, letters: str) -> str | None:
    """The letter of the first `answer is (B)`, brackets optional, anywhere in the text (rule N3)."""
    match = _BRACKETED.search(text)
    return match[1] if match and match[1] in letters else None
