"""Sentence borders: offsets at which a text may be cut, or a note inserted, without changing a character.

A border lies right after a sentence; the white space that follows belongs to the next one, as in a language model's
tokens. A sentence ends at closing punctuation, at a blank line, and at a line break that is no line wrap: prose wraps
where the next word would not have fitted, while solutions, lists and code break lines anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

WRAP_WIDTH = 60
"""Characters. Prose is not wrapped at less, so in narrower paragraphs every line break ends a sentence."""

_BLANK_LINE = re.compile(r"\n[^\S\n]*+\n\s*+")
_END = re.compile(r"""(?<![.!?…])[.!?…]++["'”’»)\]}*_`]*+(?=\s)|[。！？]++[”’」』）]*+""")
_LOWER_CASE_NEXT = re.compile(r"""\s+["'“‘«(\[{*_`]*+[a-z]""")
_LAST_WORD = re.compile(r"(\S*)\Z")
_ACRONYM = re.compile(r"(?:[A-Za-z]\.)+[A-Za-z]\Z")
_LIST_ITEM = re.compile(r"(?:[-*•#>|]|\(?\w{1,3}[.)])\s")
_NUMERAL = re.compile(r"(?:\d{1,3}|[A-Za-z]|[ivxlc]{1,5})\Z")

_TITLES = re.compile(
    r"(?:mr|mrs|ms|dr|prof|st|gen|col|sgt|capt|lt|rev|hon|gov|sen|rep|jr|sr|vs|al|cf|viz|approx)\Z", re.I
)
"""Abbreviations that never end a sentence."""
_NUMBERED = re.compile(r"(?:nos?|figs?|eqs?|secs?|sect|ch|vol|pp?|art|par|ed|op|ver|app)\Z", re.I)
"""Abbreviations if a number follows."""
_BEFORE_LETTER = re.compile(r"(?:is|are|answer|option|choice|letter|or|and):?\Z", re.I)
"""After these words a single letter is an answer, not an initial."""

_LOOKBEHIND = 40
"""Characters examined before a full stop: enough for any abbreviation and the word before it."""


def borders(text: str) -> list[int]:
    """Ascending offsets strictly inside `text` at which a new sentence begins.

    The character right before each offset is not white space, and more than white space follows.
    """
    end = len(text.rstrip())
    offsets: list[int] = []
    for start, stop in _paragraphs(text, end):
        if start and offsets[-1:] != [start]:
            offsets.append(start)
        offsets.extend(sorted({*_sentence_ends(text, start, stop), *_line_ends(text, start, stop)}))
    return offsets


def sentences(text: str) -> list[str]:
    """The pieces between the borders; joined, they are the text again."""
    edges = [0, *borders(text), len(text)]
    return [text[start:end] for start, end in pairwise(edges)]


def _paragraphs(text: str, end: int) -> Iterator[tuple[int, int]]:
    """Paragraphs as (start, stop). Each begins where the previous one stops, so it includes the blank lines between."""
    start = 0
    for blank in _BLANK_LINE.finditer(text, 0, end):
        paragraph = text[start : blank.start()].rstrip()
        if paragraph:
            yield start, start + len(paragraph)
            start += len(paragraph)
    if start < end:
        yield start, end


def _sentence_ends(text: str, start: int, stop: int) -> Iterator[int]:
    for mark in _END.finditer(text, start, stop):
        if mark.end() < stop and _ends_sentence(text, start, mark):
            yield mark.end()


def _ends_sentence(text: str, start: int, mark: re.Match[str]) -> bool:
    """Whether closing punctuation ends a sentence, judged by the words around it."""
    if _LOWER_CASE_NEXT.match(text, mark.end()):
        return False
    if not mark.group().startswith(".") or mark.group().startswith(".."):
        return True
    before = text[max(start, mark.start() - _LOOKBEHIND) : mark.start()]
    word = _word(before)
    earlier = before[: len(before) - len(word)]
    word = word.lstrip("([{\"'“‘*_`")
    if _TITLES.match(word) or _ACRONYM.match(word):
        return False
    if _NUMBERED.match(word) and text[mark.end() : mark.end() + 2].strip()[:1].isdigit():
        return False
    if _NUMERAL.match(word) and not earlier.rpartition("\n")[2].strip():
        return False
    initial = len(word) == 1 and word.isupper() and word != "I"
    return not initial or bool(_BEFORE_LETTER.match(_word(earlier.rstrip())))


def _word(text: str) -> str:
    """The last run of characters that are not white space."""
    last = _LAST_WORD.search(text)
    return last.group(1) if last else ""


def _line_ends(text: str, start: int, stop: int) -> Iterator[int]:
    """Line breaks that are no wraps: the next word would have fitted, or the next line is a list item."""
    lines = text[start:stop].split("\n")
    width = max(WRAP_WIDTH, *(len(line) for line in lines)) if len(lines) > 1 else 0
    offset = start
    for line, following in pairwise(lines):
        words = following.split(None, 1)
        fits = bool(words) and len(line.rstrip()) + 1 + len(words[0]) <= width
        if line.strip() and words and (fits or _LIST_ITEM.match(following.lstrip())):
            yield offset + len(line.rstrip())
        offset += len(line) + 1
