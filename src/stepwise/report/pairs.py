"""Paired differences between methods as JSON and as the cells of a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from stepwise.records import write_json
from stepwise.statistics import Comparison

HEAD = ("task", "model", "method", "against", "difference [95 %]", "p", "better", "problems")
NAMES = ("task", "model", "method", "against")
TEXTS = len(NAMES)
"""Leading columns that are text."""


@dataclass(frozen=True)
class Pair:
    """A method and what it is compared with, on the same problems; a positive difference is the method's gain."""

    task: str
    model: str
    method: str
    against: str
    comparison: Comparison


def write(path: Path, pairs: Sequence[Pair]) -> None:
    """All pairs as a JSON list of flat rows."""
    write_json(path, [as_row(pair) for pair in pairs])


def as_row(pair: Pair) -> dict[str, object]:
    """A pair as one flat row."""
    return {name: getattr(pair, name) for name in NAMES} | asdict(pair.comparison)


def read(path: Path) -> list[Pair]:
    """The inverse of `write`; nothing where there is no file."""
    if not path.is_file():
        return []
    rows = json.loads(path.read_text(encoding="utf-8"))
    return [Pair(**{name: row.pop(name) for name in NAMES}, comparison=Comparison(**row)) for row in rows]


def cells(pair: Pair) -> list[str]:
    """The text in each of HEAD's columns; differences in percentage points."""
    comparison = pair.comparison
    return [
        pair.task,
        pair.model,
        pair.method,
        pair.against,
        f"{100 * comparison.difference:+.1f} [{100 * comparison.low:+.1f}, {100 * comparison.high:+.1f}]",
        f"{comparison.p_value:.2g}",
        "yes" if comparison.better else "no",
        str(comparison.problems),
    ]
