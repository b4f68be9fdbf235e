"""Reads the answer that a text states, and decides when two answers are the same.

Every kind of answer is read twice: strictly, as the papers' code does, and robustly, as a human reader would.
All patterns take linear time and see only the last characters of a text, so that no text can make them hang.
"""

from __future__ import annotations

import math
import re
import unicodedata

ANSWER_TRIGGER = "\nTherefore, the answer is: "
"""The text before the answer in a natural-language solution (ReFT, answer trigger of N-CoT)."""

_LOOKED_AT = 4000

_CUE = re.compile(r"####|\b(?:final\s+)?answers?\s*(?:is|are|=|:)(?:\s*:)?", re.IGNORECASE)
_BOXED = re.compile(r"\\boxed\s*\{((?:[^{}]|\{[^{}]*\}){0,200})\}")
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]{1,40})\}\s*\{([^{}]{1,40})\}")
_TIMES_TEN = re.compile(r"(?<=\d)\s{0,2}(?:[×x*]|\\times|\\cdot)\s{0,2}10\s?(?:\^|\*\*)\s?\{?([+-]?\d{1,3})\}?")
_VULGAR = re.compile(r"(?<=\d)(?=[¼-¾⅐-⅞])")
_UNSIGNED = r"(?:\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3}(?!\w))?"
_NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>[+-]\s?)?(?:[$€£¥₹]\s?)?(?P<late>-)?(?P<first>" + _UNSIGNED + r")"
    r"(?:(?:\s+(?P<numerator>\d{1,6}))?\s?/\s?(?P<denominator>" + _UNSIGNED + r"))?"
)
_CALCULATION = re.compile(r"\d\s?[+*×÷x^-]\s?[$(]?\d")
_TRAILING_NOTE = re.compile(r"\([^()]{0,100}\)[\s.!]{0,3}$")
_LETTER_CUE = re.compile(
    r"(?i:answers?\s*(?:is|:)(?:\s*:)?\s*(?:option\s*)?)"
    r"(?:[\"'(\[]\s?([A-Za-z])\s?[\"')\]]|([A-Z])(?![A-Za-z]|['’][a-z])|([a-z])(?=\s*(?:[.,;:)\]]|$)))",
    re.MULTILINE,
)
_LETTER_FORMS = re.compile(
    r"\(([A-Za-z])\)|\boption\s+([A-Za-z])\b|(?:^|\s)([A-Za-z])\s?\)|^\s*([A-Za-z])\s*[.:]?\s*$",
    re.IGNORECASE | re.MULTILINE,
)
_WORDS_CUE = re.compile(r"answers?\s*(?:is|are|:)(?:\s*:)?", re.IGNORECASE)


def strict_number(text: str) -> float | None:
    """The number after the last answer trigger, if nothing but a number follows it (ReFT, N-CoT extraction).

    Without a trigger the whole text must be the number. Unlike the paper's code, `nan` and `inf` are not answers.
    """
    return plain_number(text.rsplit(ANSWER_TRIGGER, 1)[-1])


def plain_number(text: str) -> float | None:
    """`float(text)` if that is a finite number, else None.

    The reader for text that is a bare number. Callers that accept thousands separators remove them first; for prose,
    use `robust_number`.
    """
    try:
        value = float(text.strip())
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def strict_statement(text: str) -> float | None:
    """The number in `the answer is X.` on the last line, if it occurs exactly once (TriPosT, multi-step arithmetic)."""
    lines = text[-_LOOKED_AT:].strip().splitlines()
    stated = re.findall(r"the answer is (\S+?)\.(?=\s|$)", lines[-1]) if lines else []
    return plain_number(stated[0]) if len(stated) == 1 else None


def strict_letter(text: str) -> str | None:
    """The letter of the last `answer is (X)`, upper case (TriPosT, multiple choice)."""
    letters = re.findall(r"answer is \(([A-Za-z])\)", text)
    return letters[-1].upper() if letters else None


def strict_words(text: str) -> list[str] | None:
    """The words in `the answer is: a b c.` on the last line, split on spaces (TriPosT, word sorting).

    A word may contain full stops.
    """
    lines = text[-_LOOKED_AT:].strip().splitlines()
    _, cue, words = lines[-1].rstrip().rpartition("the answer is: ") if lines else ("", "", "")
    return words[:-1].split(" ") if cue and words.endswith(".") else None


def robust_number(text: str) -> float | None:
    r"""The number that a human reader would take for the answer, or None.

    In order of preference: the last `\boxed{}`; the number after the last cue (`answer is`, `Answer:`, `####`), which
    in an equation is the right-hand side; the last number of the text. Understands thousands separators, currency and
    units around the number, percent (`50%` is 50), fractions (`3/4`, `1 1/2`), LaTeX fractions, powers of ten and
    Unicode signs.
    """
    text = _normalised(text[-_LOOKED_AT:])
    boxed = _BOXED.findall(text)
    if boxed:
        return _result(boxed[-1])
    cued = (_result(text[cue.end() :].lstrip().split("\n", 1)[0]) for cue in reversed(list(_CUE.finditer(text))))
    return next((value for value in cued if value is not None), _last_number(text))


def states_answer(text: str) -> bool:
    r"""Whether a text announces an answer: `answer is`, `Answer:`, `####` or a `\boxed{}`."""
    text = text[-_LOOKED_AT:]
    return _CUE.search(text) is not None or _BOXED.search(text) is not None


def numbers(text: str) -> list[float]:
    """All numbers of a text in order, each read as `robust_number` would."""
    return _numbers(_normalised(text[-_LOOKED_AT:]))


def _result(line: str) -> float | None:
    """The number that a line states; in an equation, the last side that is a number rather than a calculation."""
    sides = _TRAILING_NOTE.sub("", line).split("=")
    for side in reversed(sides):
        if not _CALCULATION.search(side) and (value := _first_number(side)) is not None:
            return value
    return _first_number(line)


def _normalised(text: str) -> str:
    """The text with signs, digits, fractions and powers of ten spelled in one way."""
    text = unicodedata.normalize("NFKC", _VULGAR.sub(" ", text))
    text = text.translate({0x2212: "-", 0x2013: "-", 0x2044: "/", 0x2009: " ", 0x202F: " "})
    text = text.replace("{,}", ",").replace("\\$", "$").replace("\\%", "%").replace("\\!", "").replace("\\,", " ")
    text = text.replace("**", "^") if "**" in text and "10**" in text else text.replace("**", "")
    text = _LATEX_FRACTION.sub(r"\1/\2", text)
    return _TIMES_TEN.sub(r"e\1", text)


def _first_number(text: str) -> float | None:
    return next((value for match in _NUMBER.finditer(text) if (value := _value(match)) is not None), None)


def _last_number(text: str) -> float | None:
    values = _numbers(text)
    return values[-1] if values else None


def _numbers(text: str) -> list[float]:
    return [value for match in _NUMBER.finditer(text) if (value := _value(match)) is not None]


def _value(match: re.Match[str]) -> float | None:
    """The value of a match of the number pattern, or None if it is not finite."""
    value = float(match["first"].replace(",", ""))
    if match["denominator"]:
        denominator = float(match["denominator"].replace(",", ""))
        if denominator == 0:
            return None
        whole, part = (value, float(match["numerator"])) if match["numerator"] else (0.0, value)
        value = whole + part / denominator
    if (match["sign"] or "").startswith("-") or match["late"]:
        value = -value
    return value if math.isfinite(value) else None


def letter(text: str) -> str | None:
    """The chosen option, upper case: after the last cue if there is one, or else the last `(B)`, `B)` or `option b`."""
    text = unicodedata.normalize("NFKC", text[-_LOOKED_AT:])
    cued = _LETTER_CUE.findall(text)
    if cued:
        return "".join(cued[-1]).upper()
    forms = ["".join(groups) for groups in _LETTER_FORMS.findall(text)]
    return forms[-1].upper() if forms else None


def word_list(text: str) -> list[str]:
    """The words of the answer in order, lower case: after the last cue if there is one, or else on the last line."""
    text = unicodedata.normalize("NFKC", text[-_LOOKED_AT:]).strip()
    cues = list(_WORDS_CUE.finditer(text))
    line = text[cues[-1].end() :].strip().split("\n", 1)[0] if cues else text.rsplit("\n", 1)[-1]
    return [word for raw in re.split(r"[\s,;]+", line) if (word := raw.strip("\"'.:()[]<>`*").lower())]


def strict_equal(predicted: float | None, gold: float) -> bool:
    """The papers' comparison: within 0.01, whatever the size (ReFT)."""
    return predicted is not None and abs(predicted - gold) <= 1e-2


def equal_numbers(
    predicted: float | None, gold: float, *, relative: float = 1e-4, absolute: float = 0.005, share: float = 0.02
) -> bool:
    """Whether two finite numbers are the same answer.

    `absolute` allows for gold that was rounded to two decimals, but never by more than `share` of its size: 0.33
    matches 1/3, but 0.03 does not match 0.036. `relative` additionally allows for rounding of large fractional
    numbers; whole numbers get no such allowance.
    """
    if predicted is None or not (math.isfinite(predicted) and math.isfinite(gold)):
        return False
    noise = 1e-9 * abs(gold)
    tolerance = min(absolute, share * abs(gold)) + noise
    if gold != math.floor(gold):
        tolerance = max(tolerance, relative * abs(gold))
    return abs(predicted - gold) <= max(tolerance, 1e-9)


def number_text(value: float) -> str:
    """A number as answers are written: whole numbers without a decimal point."""
    return str(int(value)) if value == math.floor(value) and abs(value) < 1e15 else repr(float(value))
