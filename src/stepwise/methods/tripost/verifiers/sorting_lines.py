"""Word sorting: the lines of a rationale as records. What is wrong with them is for sorting_checks.py to say."""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from stepwise.methods.tripost.verifiers.walk import UnreadableStepError
from stepwise.tasks.word_sorting import solve

_WORD = r'"[^"]*"'
_BRACKET = rf"\[{_WORD}(?: \? {_WORD})*\]"
_FIRST = re.compile(r"(The (\S+) letters?): (.+?)\.?")
_SUBPART = re.compile(rf"Now sort this subpart ({_BRACKET}) (?:again )?by looking at their ((\S+) letters): (.+?)\.?")
_ORDER = re.compile(r"We now have:? (.+?)\.?")
_CONCLUSION = re.compile(r"Hence, we have:? (.+?)\.?")
_LETTER = re.compile(r'"([^"]*)"="([^"]*)" \(([^()"]*)\)')
_GROUP = re.compile(rf'\(([^()"]*)\) ({_BRACKET}|{_WORD}(?: = {_WORD})*)')
_WORDS = re.compile(r'"([^"]*)"')
_PIECES = re.compile(r'"[^"]*"|[^"]+')
_LONGEST = 64


class Letter(NamedTuple):
    """`"arena"="r" (18)`."""

    word: str
    letter: str
    number: str
    text: str


class Look(NamedTuple):
    """A step that lists the letters at one position of some words."""

    bracket: str
    """The subpart's text; empty in a step that looks at all words."""
    words: list[str]
    position: int
    ordinal: str
    """The text that names the position: `second letters`."""
    letters: list[Letter]
    text: str
    """From the name of the position to the end."""


class Group(NamedTuple):
    """`(18) ["arena" ? "argue"]` in an order."""

    number: str
    words: list[str]
    bracketed: bool
    text: str


class Order(NamedTuple):
    """A step that says `We now have`."""

    groups: list[Group] | None
    """None if the text is not groups joined by ` < `."""
    text: str


class Conclusion(NamedTuple):
    """A step that says `Hence, we have`."""

    words: list[str] | None
    """None if the text is not words with something between them."""
    links: list[str]
    """What stands between the words, one fewer than there are."""
    text: str


def read_line(text: str) -> Look | Order | Conclusion:
    """A step other than the final response. Raises UnreadableStepError if it is none of the three kinds."""
    if match := _ORDER.fullmatch(text):
        return Order(_groups(match[1]), text)
    if match := _SUBPART.fullmatch(text):
        bracket, ordinal, position, listing = match.groups()
        return _look(bracket, ordinal, position, listing, text)
    if match := _CONCLUSION.fullmatch(text):
        pieces = _PIECES.findall(match[1])
        words, links = pieces[::2], [link.strip() for link in pieces[1::2]]
        readable = len(words) == len(links) + 1 and all(map(_WORDS.fullmatch, words))
        return Conclusion([word[1:-1] for word in words] if readable else None, links, text)
    if match := _FIRST.fullmatch(text):
        ordinal, position, listing = match.groups()
        return _look("", ordinal, position, listing, text)
    raise UnreadableStepError


def position_name(position: int) -> str:
    """The name of a position, which counts from 0: `first`."""
    return next((name for name, number in _positions().items() if number == position), f"{position + 1}th")


def _look(bracket: str, ordinal: str, name: str, listing: str, text: str) -> Look:
    letters = [Letter(match[1], match[2], match[3], match[0]) for match in _LETTER.finditer(listing)]
    position = _positions().get(name)
    if position is None or ", ".join(letter.text for letter in letters) != listing:
        raise UnreadableStepError
    return Look(bracket, _WORDS.findall(bracket), position, ordinal, letters, text[text.index(ordinal) :])


def _groups(text: str) -> list[Group] | None:
    matches = _GROUP.finditer(text)
    groups = [Group(match[1], _WORDS.findall(match[2]), match[2][0] == "[", match[0]) for match in matches]
    return groups if " < ".join(group.text for group in groups) == text else None


@cache
def _positions() -> dict[str, int]:
    """Positions by name, as the task's solver names them when it sorts two long words that differ at the end."""
    steps = solve(["a" * _LONGEST, "a" * (_LONGEST - 1) + "b"]).steps
    names = (re.search(r"(\S+) letters?:", step.text) for step in steps)
    return {match[1]: position for position, match in enumerate(filter(None, names))}
