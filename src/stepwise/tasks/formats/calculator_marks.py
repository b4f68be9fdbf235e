"""GSM8K's calculator marks (`<<48/2=24>>`) compiled into self-describing programs like those of ReFT's P-CoT.

Each mark becomes an assignment. A number that an earlier mark produced is replaced by its variable, and variables are
named after words of the sentence.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stepwise.tasks.sandbox.interpreter_functions import BUILTINS

_MARK = re.compile(r"<<([^<>]*)>>")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|\.\d+")
_EXPRESSION = re.compile(r"[\d.+\-*/() ]+")
_WORD = re.compile(r"[a-z]+")
_STOPS = """a about after all also altogether an and are as at be because been but by can did do does each every first
for from get gets had has have he her hers him his if in into is it its left more much next now of off on one or other
out over per she since so than that the their them then there therefore these they this those thus to total up was
were which while who will with would you your"""
_STOP_WORDS = frozenset(_STOPS.split())
_RESERVED = frozenset({*keyword.kwlist, *keyword.softkwlist, *BUILTINS, "math", "solution", "result"})
_NAME_WORDS = 4


@dataclass(frozen=True)
class Mark:
    """A calculation in a rationale: `expression = value` and the text around it."""

    expression: str
    value: float
    before: str
    after: str


def marks(rationale: str) -> list[Mark] | None:
    """The calculations of a rationale in order, or None if any of them is not arithmetic."""
    calculations: list[Mark] = []
    for line in rationale.split("\n"):
        end = 0
        matches = list(_MARK.finditer(line))
        borders = [*(match.start() for match in matches[1:]), len(line)]
        for match, border in zip(matches, borders, strict=False):
            expression, _, value = (part.strip() for part in match[1].replace(",", "").rpartition("="))
            if not _EXPRESSION.fullmatch(expression) or not _NUMBER.fullmatch(value.lstrip("-")):
                return None
            before, after = line[end : match.start()], line[match.end() : border]
            calculations.append(Mark(expression, float(value), before, after))
            end = match.end()
    return calculations


def program_bodies(rationale: str, answer: float) -> Iterator[str]:
    """Candidate bodies of `solution` that follow the rationale's calculations; none if it has no marks.

    The first refers to earlier results by variable. The second writes every number out, for rationales in which a
    result was rounded or happens to equal a number of the question. The caller runs them to see which is right.
    """
    calculations = marks(rationale)
    if not calculations:
        return
    last = max((i for i, mark in enumerate(calculations) if mark.value == answer), default=len(calculations) - 1)
    calculations = calculations[: last + 1]
    yield _body(calculations, linked=True)
    yield _body(calculations, linked=False)


def _body(calculations: Sequence[Mark], *, linked: bool) -> str:
    names: list[str] = []
    by_value: dict[float, str] = {}
    lines = []
    for mark in calculations:
        name = _name(mark, names)
        expression = _NUMBER.sub(lambda match: _operand(match[0], by_value), mark.expression)
        lines.append(f"    {name} = {_spaced(expression)}")
        names.append(name)
        if linked:
            by_value[mark.value] = name
    return "\n".join([*lines, f"    result = {names[-1]}", "    return result"])


def _operand(number: str, by_value: dict[float, str]) -> str:
    """The variable that holds the number, or else the number in Python's notation (no leading zeros)."""
    if (name := by_value.get(float(number))) is not None:
        return name
    whole, point, fraction = number.partition(".")
    return f"{whole.lstrip('0') or '0'}{point}{fraction}"


def _spaced(expression: str) -> str:
    """One space around every binary operator; signs stay with their number."""
    tight = expression.replace(" ", "")
    return re.sub(r"(?<=[\w.)])(\*\*|//|[+\-*/])", r" \1 ", tight)


def _name(mark: Mark, taken: Sequence[str]) -> str:
    """A name for the result: content words before the calculation, then the words for what it counts."""
    before = _content_words(mark.before)[:2]
    after = _content_words(re.split(r"[.,;:=(]", mark.after, maxsplit=1)[0])
    parts = list(dict.fromkeys(before + after))[:_NAME_WORDS]
    base = "_".join(parts) or "amount"
    if base in _RESERVED:
        base += "_amount"
    name, count = base, 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    return name


def _content_words(text: str) -> list[str]:
    bare = re.sub(r"['’][a-z]*", "", text.lower())
    return [word for word in _WORD.findall(bare) if word not in _STOP_WORDS and len(word) > 1]


def without_marks(rationale: str) -> str:
    """The rationale without its calculator marks."""
    return _MARK.sub("", rationale)
