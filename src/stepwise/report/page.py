"""The report as one self-contained HTML page: no script, nothing fetched, every text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from itertools import groupby
from typing import Any

from stepwise.report.chapters.base import Chapter
from stepwise.report.charts import Bar, bars, line, series
from stepwise.report.collecting import Curve, Row
from stepwise.report.columns import cells as row_cells
from stepwise.report.columns import columns, heading
from stepwise.report.markup import section, table
from stepwise.report.pairs import HEAD, TEXTS, Pair
from stepwise.report.pairs import cells as pair_cells
from stepwise.report.terminal import NEXT

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5c6878; --line: #d5dae1; --fill: #3b6fb6; --page: #fff; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e8ee; --soft: #9aa5b4; --line: #39424f; --fill: #7aa7e6; --page: #14181e; }
}
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem auto;
  max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
table { border-collapse: collapse; } .wide { overflow-x: auto; }
th, td { padding: .3rem .8rem; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.charts { display: flex; flex-wrap: wrap; gap: 1.2rem; } figure { margin: 0; } figcaption { color: var(--soft); }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; } svg .soft { fill: var(--soft); }
svg .axis { stroke: var(--line); } svg .mark { fill: var(--fill); }
svg .more { fill: var(--fill); fill-opacity: .35; stroke: var(--fill); }
svg .path { stroke: var(--fill); fill: none; }
svg .range { stroke: var(--ink); stroke-width: 1.5; } p, dt { color: var(--soft); } dd { margin: 0 0 .5rem; }
details { margin: .5rem 0; } summary { cursor: pointer; } pre { white-space: pre-wrap; }
"""


Cells = dict[str, list[dict[str, Any]]]
"""Accuracy with its interval for each bin and difficulty (see evaluation.by_cell), by an evaluation's place."""


Votes = dict[str, list[dict[str, Any]]]
"""The rows (k, kind, value) of the curves of votes, by METHOD/TASK-MODEL."""
VOTES = (
    "Share of problems solved by the majority of k samples (maj), the one that the reranker prefers (rerank), a vote "
    "weighted by it (weighted), and by any of them (pass, the bound of all votes)."
)


def page(
    rows: Sequence[Row],
    cells: Cells,
    prepared: Sequence[dict[str, Any]],
    curves: Sequence[Curve],
    pairs: Sequence[Pair] = (),
    votes: Votes | None = None,
    chapters: Sequence[Chapter] = (),
) -> str:
    """The page's HTML."""
    sections = [
        section("Accuracy on the test problems", _results(rows)),
        section("Paired differences", _pairs(pairs), "On the same problems, in percentage points."),
        section("By difficulty", _charts(_bins(rows, cells)), "Share of problems solved, with 95 % intervals."),
        section("Votes over k samples", _charts(_votes(votes or {})), VOTES),
        *(chapter.sections() for chapter in chapters),
        section("Learning curves", _charts(_curves(curves)), "Over optimiser steps."),
        section("Problems", table(*_prepared(prepared)), "What was loaded, and what was dropped for which reason."),
        section("Where to look next", _next()),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>stepwise: report</title>\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<style>{STYLE}</style>\n</head>\n<body>\n<h1>stepwise: report</h1>\n{''.join(sections)}</body>\n</html>\n"
    )


def _results(rows: Sequence[Row]) -> str:
    names = columns(rows)
    head = ["task", "model", "method", *map(heading, names), "problems"]
    body = [
        [row.task, row.model, row.method, *row_cells(row, names), f"{row.numbers.get('problems', 0):.0f}"]
        for row in rows
    ]
    return table(head, body, texts=3)


def _pairs(pairs: Sequence[Pair]) -> str:
    return table(HEAD, [pair_cells(pair) for pair in pairs], texts=TEXTS)


def _prepared(prepared: Sequence[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    names = [key for key in dict.fromkeys(key for counts in prepared for key in counts) if key != "task"]
    return ["task", *names], [[str(counts.get(key, "-")) for key in ("task", *names)] for counts in prepared]


def _bins(rows: Sequence[Row], cells: Cells) -> list[str]:
    charts = []
    for (task, model), group in groupby(rows, key=lambda row: (row.task, row.model)):
        marks = [
            Bar(
                f"{row.method}: {cell['difficulty']}"
                + (f" ({cell['bin']})" if cell["difficulty"] != cell["bin"] else ""),
                cell["accuracy"],
                cell["accuracy_low"],
                cell["accuracy_high"],
            )
            for row in group
            for cell in cells.get(row.place, ())
        ]
        if marks:
            charts.append(bars(f"{task}, {model}", marks))
    return charts


def _curves(curves: Sequence[Curve]) -> list[str]:
    charts = []
    for curve in curves:
        for key in ("dev_accuracy", "dev_score", "accuracy", "sample_accuracy", "loss"):
            points = [(point["step"], point[key]) for point in curve.points if key in point]
            if points:
                charts.append(line(f"{curve.name}: {key.replace('_', ' ')}", points))
    return charts


def _votes(votes: Votes) -> list[str]:
    charts = []
    for name, rows in votes.items():
        kinds = dict.fromkeys(row["kind"] for row in rows)
        lines = {kind: [(row["k"], row["value"]) for row in rows if row["kind"] == kind] for kind in kinds}
        charts.append(series(name, lines, "k"))
    return charts


def _charts(charts: Sequence[str]) -> str:
    return f'<div class="charts">\n{"".join(charts)}</div>' if charts else ""


def _next() -> str:
    pairs = "".join(
        f"<dt>{escape(what)}</dt><dd><code>{escape(where)}</code></dd>\n"
        for what, where in NEXT
        if "{page}" not in where
    )
    return f"<dl>\n{pairs}</dl>"
