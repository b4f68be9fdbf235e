"""Which option of a multiple-choice problem a text names, as a reader would see it: by letter, by words or by both.

The text after the last cue (`the answer is`, `Answer:`) that names an option decides; without one, the last line does,
provided it holds nothing else. A text that names two options, or a letter with the words of another option, names none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

LETTERS = "ABCDEFGHIJ"
"""Names of the options, in order."""

_LOOKED_AT = 4000
_CUE = re.compile(
    r"\b(?:answers?|option|choice|ending|statement)\s*(?:is|would be|must be|should be|:)(?:\s*:)?"
    r"|\\boxed(?=\{)|\b(?:choose|pick|select)\b",
    re.IGNORECASE,
)
_MARKS = re.compile(r"\*\*|__|\$|`|\\(?:boxed|text|textbf|mathrm|mathbf)\b|[{}\[\]]|</?[a-z]{1,6}>")
_LETTER = re.compile(
    r"(?i:(?:the\s+)?(?:correct\s+)?(?:option|choice|letter|answer)\s+(?:is\s+)?)?[\"'(]*\s?"
    r"(?:(?P<upper>[A-J])|(?P<lower>[a-j])(?=[\"')]|[.:]?\s*$))(?!\w|['’]\w)(?P<closing>[\"')]*)(?P<rest>.*)"
)
_MORE = re.compile(r"\s*(?:,|/|&|\band\b|\bor\b)\s*(?:and\s+|or\s+)?[\"'(]*([A-J])(?!\w|['’]\w)")
_REASON = re.compile(r"\s*(?:because|since|as|is|for|which|based|and|or)\b", re.IGNORECASE)
_SEPARATOR = re.compile(r"[.:,;)\"']*\s*")
_DASH = re.compile(r"^[-–—]\s+")
_OUTER = re.compile(r"^[\s\"'(*_]+|[\s\"'.,;:)*_]+$")
_ARTICLE = re.compile(r"^(?:an?|the)\s+", re.IGNORECASE)


def named_option(text: str, choices: Sequence[str]) -> str | None:
    """The letter of the option that a text names, or None. Without choices, any letter A to J counts."""
    text = unicodedata.normalize("NFKC", text[-_LOOKED_AT:]).strip()
    for cue in reversed(list(_CUE.finditer(text))):
        statement = _MARKS.sub(" ", text[cue.end() :]).strip()
        if named := _named(statement.split("\n", 1)[0].strip(), choices):
            return named.pop() if len(named) == 1 else None
    line = _MARKS.sub(" ", text.rsplit("\n", 1)[-1]).strip()
    named = _named(line, choices, alone=True)
    return named.pop() if len(named) == 1 else None


def _named(statement: str, choices: Sequence[str], *, alone: bool = False) -> set[str]:
    """Letters of all options that a statement begins with; with `alone`, the statement may hold nothing else."""
    match = _LETTER.match(statement)
    rest = match["rest"] if match else ""
    by_words = _by_words(statement, choices, alone=alone)
    long_words = any(len(_plain(choices[LETTERS.index(name)])) > 1 for name in by_words)
    if match is None or (long_words and rest.strip(" .,;:")):
        return by_words
    letter = (match["upper"] or match["lower"]).upper()
    words = _SEPARATOR.sub("", rest, count=1)
    follows = _by_words(words, choices, alone=alone) or _by_words(_DASH.sub("", words), choices, alone=alone)
    if letter not in (LETTERS[: len(choices)] if choices else LETTERS) or (alone and words.strip() and not follows):
        return set()
    separate = bool(match["closing"]) or not rest.strip() or bool(re.match(r"[.,:;/&]|\s+[-–—(&]", rest))
    if letter in "AI" and not (separate or follows or _REASON.match(rest)):
        return set()
    if letter in follows:
        return {letter}
    more = _MORE.match(rest)
    return {letter, *follows, *({more[1]} if more else ())}


def _by_words(statement: str, choices: Sequence[str], *, alone: bool = False) -> set[str]:
    """Letters of the options whose words are the whole statement, or else its longest beginning that is an option.

    Case counts where it tells two options apart (`Rr` and `RR`).
    """
    pieces = [statement] if alone else [statement, *_beginnings(statement)]
    plain = [_plain(choice) for choice in choices]
    for piece in map(_plain, pieces):
        exact = {LETTERS[index] for index, choice in enumerate(plain) if piece and choice == piece}
        folded = {LETTERS[index] for index, choice in enumerate(plain) if piece and choice.lower() == piece.lower()}
        if exact or folded:
            return exact or folded
    return set()


def _beginnings(statement: str) -> list[str]:
    """The text before each clause boundary, longest first."""
    borders = re.finditer(r"[.;,:](?=\s|$)|\s+(?:because|since|as|which|so)\b|\s[-–—(]", statement)
    return [statement[: border.start()] for border in borders][::-1]


def _plain(text: str) -> str:
    """Words as they are compared: single spaces, no markup, no outer punctuation, no leading article."""
    text = " ".join(_MARKS.sub(" ", unicodedata.normalize("NFKC", text)).split())
    return _ARTICLE.sub("", _OUTER.sub("", text))
