r"""The normal form in which answers to MATH are compared as text (Hendrycks et al. 2021, arXiv 2103.03874).

`strip` follows the published rules one by one: two answers are the same if their normal forms are equal.
"""

from __future__ import annotations

import re

_SPELLINGS = (
    ("\n", ""),
    ("\\!", ""),
    ("\\\\", "\\"),
    ("tfrac", "frac"),
    ("dfrac", "frac"),
    ("\\left", ""),
    ("\\right", ""),
    ("^{\\circ}", ""),
    ("^\\circ", ""),
    ("\\$", ""),
)
_PERCENT = ("\\%", "%")
_BOX = re.compile(r"\\(?:boxed|fbox)(?:\s+([^\s{$\\]+)|\s*\{)")
_UNIT = "\\text{ "
_BARE_POINT = re.compile(r"(^|[ {])\.")
_BARE_ROOT = re.compile(r"\\sqrt([^{])")
_BARE_FRACTION = re.compile(r"\\frac([^{])(?:(\{)|(.))")
_INTEGER_RATIO = re.compile(r"(-?\d+)/(-?\d+)")


def strip(answer: str) -> str:
    r"""An answer in normal form: `0.5`, `1/2`, `\frac12` and `\dfrac{1}{2}` are all `\frac{1}{2}`."""
    for old, new in _SPELLINGS:
        answer = answer.replace(old, new)
    if _UNIT in answer:
        answer = answer.split(_UNIT)[0]
    for sign in _PERCENT:
        answer = answer.replace(sign, "")
    answer = _BARE_POINT.sub(r"\g<1>0.", answer)
    sides = answer.split("=")
    if len(sides) == 2 and len(sides[0].strip()) <= 2:
        answer = sides[1]
    answer = _BARE_ROOT.sub(r"\\sqrt{\1}", answer).replace(" ", "")
    answer = _BARE_FRACTION.sub(_braced, answer)
    if answer == "0.5":
        return "\\frac{1}{2}"
    ratio = _INTEGER_RATIO.fullmatch(answer)
    return f"\\frac{{{ratio[1]}}}{{{ratio[2]}}}" if ratio else answer


def last_boxed(text: str) -> str | None:
    r"""The content of the last `\boxed{}` or `\fbox{}`, or None if there is none or its braces are not closed.

    Without braces (`\boxed 2`) it is the text up to the next space, `$` or command.
    """
    boxes = list(_BOX.finditer(text))
    if not boxes:
        return None
    if boxes[-1][1]:
        return boxes[-1][1]
    first = boxes[-1].end() - 1
    depth = 0
    for place in range(first, len(text)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if depth == 0:
            return text[first + 1 : place]
    return None


def _braced(match: re.Match[str]) -> str:
    below = "{" if match[2] else f"{{{match[3]}}}"
    return f"\\frac{{{match[1]}}}{below}"
