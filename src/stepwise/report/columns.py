"""The columns of the table of evaluations, in the terminal and on the page."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.report.collecting import Row


def columns(rows: Sequence[Row]) -> list[str]:
    """The metrics that a table shows: accuracies first, then the largest k that any row has of maj@k and pass@k."""
    known = {name for row in rows for name in row.numbers}
    largest = [
        max((name for name in known if name.startswith(f"{kind}@")), key=lambda name: int(name.partition("@")[2]))
        for kind in ("maj", "pass")
        if any(name.startswith(f"{kind}@") for name in known)
    ]
    wanted = ["accuracy", "accuracy_seen", "accuracy_unseen", "strict_accuracy", *largest]
    return [name for name in wanted if name in known]


def cells(row: Row, names: Sequence[str]) -> list[str]:
    """A row's text in each of those columns: percent with one decimal, accuracy with its interval."""
    texts = [f"{100 * row.numbers[name]:.1f}" if name in row.numbers else "-" for name in names]
    if {"accuracy_low", "accuracy_high"} <= row.numbers.keys():
        texts[0] += f" [{100 * row.numbers['accuracy_low']:.1f}, {100 * row.numbers['accuracy_high']:.1f}]"
    return texts


def heading(name: str) -> str:
    """A column's title."""
    short = {"accuracy": "accuracy [95 %]", "strict_accuracy": "strict"}
    return short.get(name, name.removeprefix("accuracy_"))
