"""A norm and the moral action that follows from it, on one line: `It's kind to help. | Ann helps Ben.` is a solution.

T5's vocabulary has the bar between them, but not the angle brackets of REFINER's markers.
"""

from __future__ import annotations

import re
from functools import lru_cache

from stepwise.records import Prompt, Solution, Step

STOP = ("\n",)
_BAR = "|"
_LEAD_IN = "Norm and moral action:"
_SPELLINGS = (
    (re.compile("[’‘]"), "'"),
    (re.compile(r"\bit is\b"), "it's"),
    (re.compile(r"\b(?:should not|must not|mustn't)"), "shouldn't"),
    (re.compile(r"\bmust\b"), "should"),
)


def question(situation: str, intention: str, immoral_action: str) -> str:
    """The story that a norm is found for, one labelled line for each of its parts."""
    return f"Situation: {situation}\nIntention: {intention}\nImmoral action: {immoral_action}"


def prompt(story: str) -> Prompt:
    """The story and the lead-in, in one piece."""
    return (f"{story}\n{_LEAD_IN}\n",)


def line(norm: str, action: str) -> str:
    """The text of a solution."""
    return f"{norm} {_BAR} {action}"


def norm_of(text: str) -> str:
    """The norm of a solution: its first line up to the bar, or all of that line if it has no bar."""
    return text.strip().partition("\n")[0].partition(_BAR)[0].strip()


def action_of(text: str) -> str:
    """The moral action of a solution: what follows the bar in its first line."""
    return text.strip().partition("\n")[0].partition(_BAR)[2].strip()


def solution(text: str) -> Solution:
    """A completion with the norm as its step and the moral action as its answer."""
    norm = norm_of(text)
    return Solution(text=text, steps=(Step(text=norm),) if norm else (), answer=action_of(text) or None)


@lru_cache(maxsize=65536)
def canonical(norm: str) -> str:
    """A norm without its free spellings, so that two that differ in them alone compare as equal.

    Capitals, blanks, quotation marks and the final full stop do not count; `it is` is `it's`, `must` is `should`.
    """
    text = " ".join(norm.lower().replace('"', "").split()).rstrip(" .!")
    for pattern, spelling in _SPELLINGS:
        text = pattern.sub(spelling, text)
    return text
