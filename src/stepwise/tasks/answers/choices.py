"""Multiple-choice options: parsing them, the number an option states, and the option nearest to a number."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from stepwise.tasks.answers.numbers import numbers

LETTERS = "abcde"
"""Names of the options, in order."""

TOLERANCE = 0.01
"""Largest relative distance between a value and the option it stands for; options are rounded."""

_BORDER = re.compile(r"['\"]?\s*,\s*['\"]?(?=[b-e] \) )")
_NAME = re.compile(r"^(?:[a-e] \) ?)+")
_RATIO = re.compile(r"^\s*([\d.]+)\s*:\s*([\d.]+)\s*$")
_POWER_OF_UNIT = re.compile(r"(?<=\bcm|\bkm|.\bm|\bft) ?\^? ?[23]\b")
_NOT_PLAIN = re.compile(r"[π√^*=<>]|\b(?:pi|sqrt|root)\b|\d\s*[a-zπ√]\s*[+-]")


def read_choices(text: str) -> tuple[str, ...] | None:
    """Texts of the options in `a ) 38 , b ) 27.675 , ...` or in a list of them; None unless they are a to e."""
    parts = _BORDER.split(text.strip().strip("[]'\"").strip())
    named = all(part.startswith(f"{letter} )") for letter, part in zip(LETTERS, parts, strict=False))
    if len(parts) != len(LETTERS) or not named:
        return None
    return tuple(_NAME.sub("", part).strip() for part in parts)


def choice_number(choice: str) -> float | None:
    """The only number that an option states (`$ 18,000`, `28 cm 2`, `5 / 12`, `3 : 4` as 0.75), or None."""
    ratio = _RATIO.match(choice)
    if ratio:
        sides = numbers(f"{ratio[1]} / {ratio[2]}")
        return sides[0] if len(sides) == 1 else None
    plain = _POWER_OF_UNIT.sub("", unicodedata.normalize("NFKC", choice.replace("²", "").replace("³", "")))
    values = numbers(plain)
    return values[0] if len(values) == 1 and not _NOT_PLAIN.search(plain) else None


def nearest_letter(value: float, choices: Sequence[str]) -> str | None:
    """The letter of the option nearest to a value, the first if several are; None if none is within TOLERANCE."""
    lettered = ((choice_number(choice), letter) for choice, letter in zip(choices, LETTERS, strict=False))
    distances = [(abs(value - number), number, letter) for number, letter in lettered if number is not None]
    if not distances:
        return None
    distance, number, letter = min(distances, key=lambda option: (option[0], option[2]))
    return letter if distance <= TOLERANCE * abs(number) + 1e-9 else None
