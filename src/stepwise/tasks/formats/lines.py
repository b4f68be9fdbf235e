"""Prose with formulas as lines, one sentence each: the steps of a solution."""

from __future__ import annotations

import re

_WHOLE = re.compile(
    r"\[asy\].*?\[/asy\]|\\begin\{(?P<name>[a-z*]+)\}.*?\\end\{(?P=name)\}|\\\[.*?\\\]|\$\$.*?\$\$|\$[^$]*\$",
    re.DOTALL,
)
"""What is never cut: figures, environments, and formulas set apart or in the text."""
_INSIDE, _LAST = "\x00", "\x01"
"""What stands for a formula while the text is cut; the second for one that ends its sentence."""
_BORDER = re.compile(
    r"(?<=[.!?\x01])(?<!\b[A-Z]\.)(?<!\bi\.e\.)(?<!\be\.g\.)(?<!\bvs\.)\s+(?=[\"'(A-Z\x00\x01])|\n\s*\n"
)
_FULL_STOP = re.compile(r"[.!?]\s*(?:\$+|\\\])$")


def sentences(text: str) -> list[str]:
    """The sentences of a text, each on one line. A formula with a full stop at its end ends its sentence."""
    formulas: list[str] = []

    def stand_in(match: re.Match[str]) -> str:
        formulas.append(match[0])
        return _LAST if _FULL_STOP.search(match[0]) else _INSIDE

    cut = _BORDER.split(_WHOLE.sub(stand_in, re.sub(f"[{_INSIDE}{_LAST}]", "", text)))
    waiting = iter(formulas)
    whole = (re.sub(f"[{_INSIDE}{_LAST}]", lambda _: next(waiting), piece) for piece in cut)
    return [line for piece in whole if (line := " ".join(piece.split()))]
