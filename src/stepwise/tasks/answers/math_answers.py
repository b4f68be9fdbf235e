r"""The answer that a solution to a MATH problem states, and whether it is equivalent to the gold answer."""

from __future__ import annotations

import re

from stepwise.tasks.answers.latex_equality import equal_latex
from stepwise.tasks.answers.math_strip import last_boxed, strip
from stepwise.tasks.answers.numbers import plain_number

_LOOKED_AT = 4000
_CUE = re.compile(r"####|\b(?:final\s+)?answers?\s*(?:is|are|would be|=|:)(?:\s*:)?", re.IGNORECASE)
_FORMULA = re.compile(r"\$([^$]+)\$")
_TEXT = re.compile(r"\\(?:text|mbox|textbf|textit|mathrm|mathbf|operatorname)\s*\{([^{}]*)\}")
_UNIT = re.compile(
    r"(?<=[\d}])(?:\s|\\\s)*((?<![\\\w])[a-zA-Z][a-zA-Z. ]{1,40}|(?<=\s)[mgsLhNJWV])\.?(?:\s*\^\s*\{?[23]\}?)?$"
)
_NUMBER = re.compile(r"-?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d+)?|-?\.\d+")


def stated_answer(text: str) -> str | None:
    r"""The last closed `\boxed{}`, else the rest of the line after the last cue, else the last line's last formula.

    A short last line without a formula is taken whole.
    """
    text = text[-_LOOKED_AT:].strip()
    if boxed := last_boxed(text):
        return _bare(boxed)
    cues = list(_CUE.finditer(text))
    line = text[cues[-1].end() :].strip().split("\n", 1)[0] if cues else text.rsplit("\n", 1)[-1]
    formulas = _FORMULA.findall(line)
    if formulas:
        return _bare(formulas[0] if cues else formulas[-1])
    return _bare(line) if cues or len(line.split()) <= 3 else None


def same_answer(gold: str, answer: str) -> bool:
    """Whether an answer matches the gold one: in normal form, as a number with or without a unit, or as an expression.

    A unit may be omitted or added, but if both answers have one, it must be the same word.
    """
    (left, gold_unit), (right, unit) = _measured(gold), _measured(answer)
    if gold_unit and unit and gold_unit != unit:
        return False
    if strip(gold) == strip(answer):
        return True
    if _words(left) or _words(right):
        return _words(left) == _words(right)
    numbers = _number(left), _number(right)
    if None not in numbers:
        return numbers[0] == numbers[1]
    return equal_latex(_plain(left), _plain(right))


def _bare(answer: str) -> str | None:
    """An answer without the delimiters around it and the full stop after it."""
    answer = answer.strip().strip("*`").strip()
    answer = re.sub(r"^\\\((.*)\\\)\.?$|^\\\[(.*)\\\]\.?$", r"\1\2", answer).strip("$").strip()
    return re.sub(r"(?<!\\)[.;,\s$*]+$", "", answer) or None


def _measured(answer: str) -> tuple[str, str]:
    """An answer and its trailing unit, singular and lower case; the unit is empty if there is none."""
    spelled = _TEXT.sub(r"\1", answer) if re.search(r"\d", _TEXT.sub("", answer)) else answer
    match = _UNIT.search(spelled.strip())
    if match is None:
        return spelled.strip(), ""
    return spelled.strip()[: match.start()], match[1].strip(" .").lower().removesuffix("s")


def _words(answer: str) -> str:
    """An answer made of words alone, lower case without brackets; empty if it holds anything else."""
    words = _TEXT.sub(r"\1", answer).strip(" ()").casefold()
    return words if re.fullmatch(r"[a-z][a-z' -]+", words) else ""


def _number(answer: str) -> float | None:
    plain = _plain(answer).strip()
    return plain_number(plain.replace(",", "")) if _NUMBER.fullmatch(plain) else None


def _plain(answer: str) -> str:
    """LaTeX without currency, percent and degree signs and without fine spacing."""
    for sign in ("\\$", "$", "\\%", "%", "^\\circ", "^{\\circ}", "°", "\\!", "{,}"):
        answer = answer.replace(sign, "," if sign == "{,}" else "")
    return answer
