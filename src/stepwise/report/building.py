"""The report's files: the page for people and the JSON for DVC."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepwise.records import write_json
from stepwise.report.chapters.base import Chapter
from stepwise.report.collecting import Row, collect_curves, collect_votes, read_json
from stepwise.report.page import page
from stepwise.report.pairs import Pair


def build(
    rows: Sequence[Row],
    preparations: Path,
    plots: Path,
    out: Path,
    metrics: Path,
    pairs: Sequence[Pair] = (),
    chapters: Sequence[Chapter] = (),
) -> None:
    """Write the page (`out`/index.html) and the JSON for DVC (`metrics`).

    The page shows the rows and pairs, the chapters, and from `preparations` and `plots` what belongs to the rows: how
    problems were prepared, accuracy by difficulty, votes and learning curves.
    """
    out.mkdir(parents=True, exist_ok=True)
    tasks = {row.task for row in rows}
    runs = {f"{row.task}-{row.model}" for row in rows}.union(*(chapter.runs for chapter in chapters))
    prepared = [read_json(path) for path in sorted(preparations.glob("*.json")) if path.stem in tasks]
    drawn = [curve for curve in collect_curves(plots) if curve.name.rpartition("/")[2] in runs]
    cells = {row.place: read_json(path) for row in rows if (path := plots / "evaluate" / row.place).is_file()}
    votes = {name: rows for name, rows in collect_votes(plots / "vote").items() if name.rpartition("/")[2] in runs}
    (out / "index.html").write_text(page(rows, cells, prepared, drawn, pairs, votes, chapters), encoding="utf-8")
    numbers = summary(rows)
    for chapter in chapters:
        numbers.update(chapter.summary())
    write_json(metrics, numbers)


def summary(rows: Sequence[Row]) -> dict[str, object]:
    """Accuracy by method, task and model: few keys, so that `dvc exp show` stays a table one can read."""
    nested: dict[str, Any] = {}
    for row in rows:
        tasks = nested.setdefault(row.method, {})
        tasks.setdefault(row.task, {})[row.model] = {"accuracy": round(row.numbers["accuracy"], 4)}
    return nested
