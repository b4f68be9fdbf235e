"""Splits prose with formulas into lines of one sentence each: the steps of a solution."""

from __future__ import annotations

import re

_WHOLE = re.compile(
    r"\[asy\].*?\[/asy\]|\\begin\{(?P<name>[a-z*]+)\}.*?\\end\{(?P=name)\}|\\\[.*?\\\]|\$\$.*?\$\$|\$[^$]*\$",
    re.DOTALL,
)
"""What is never split: figures, environments, and display or inline formulas."""
_INSIDE, _LAST = "\x00", "\x01"
"""Placeholders for formulas while the text is split; the second is for a formula that ends its sentence."""
_BORDER = re.compile(
    r"(?<=[.!?\x01])(?<!\b[A-Z]\.)(?<!\bi\.e\.)(?<!\be\.g\.)(?<!\bvs\.)\s+(?=[\"'(A-Z\x00\x01])|\n\s*\n"
)
_FULL_STOP = re.compile(r"[.!?]\s*(?:\$+|\\\])$")


def sentences(text: str) -> list[str]:
    """The sentences of a text, each on one line. A formula that ends with a full stop ends its sentence."""
    formulas: list[str] = []

    def placeholder(match: re.Match[str]) -> str:
        formulas.append(match[0])
        return _LAST if _FULL_STOP.search(match[0]) else _INSIDE

    cut = _BORDER.split(_WHOLE.sub(placeholder, re.sub(f"[{_INSIDE}{_LAST}]", "", text)))
    remaining = iter(formulas)
    whole = (re.sub(f"[{_INSIDE}{_LAST}]", lambda _: next(remaining), piece) for piece in cut)
    return [line for piece in whole if (line := " ".join(piece.split()))]
