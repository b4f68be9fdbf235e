"""All evaluations side by side: a table in the terminal, JSON for DVC, and a page for people."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from stepwise.errors import StepwiseError
from stepwise.records import write_json
from stepwise.report import rationalyst
from stepwise.report.pairs import HEAD, TEXTS, Pair
from stepwise.report.pairs import cells as pair_cells
from stepwise.report.rationalyst import Chapter

if TYPE_CHECKING:
    from rich.table import Table

NEXT = (
    ("the page", "{page}"),
    ("experiments side by side", "make experiments"),
    ("change since the last commit", "dvc metrics diff"),
    ("runs and registered models", "mlflow ui --backend-store-uri sqlite:///mlflow.db"),
    ("a model at work", "python -m stepwise solve --help"),
)
"""Where to look next: what one sees, and the command or file."""


WIDTH = 140
"""Columns of the table in a file or a pipe, which has no width of its own."""


class ReportError(StepwiseError, ValueError):
    """Metrics that cannot be shown; the message names the file and the remedy."""


@dataclass(frozen=True)
class Row:
    """One evaluation: a method's model on a task."""

    method: str
    task: str
    model: str
    numbers: dict[str, float]

    @property
    def place(self) -> str:
        """Path below any folder of evaluations."""
        return f"{self.method}/{self.task}-{self.model}.json"


@dataclass(frozen=True)
class Curve:
    """A learning curve, named after its file."""

    name: str
    points: list[dict[str, float]]


def build(
    rows: list[Row],
    preparations: Path,
    plots: Path,
    out: Path,
    metrics: Path,
    pairs: Sequence[Pair] = (),
    chapter: Chapter | None = None,
) -> None:
    """Write `out`/index.html (rows, their cells, pairs, problems, learning curves, chapter) and the JSON for DVC."""
    from stepwise.report.page import page

    chapter = chapter or Chapter()
    out.mkdir(parents=True, exist_ok=True)
    tasks, runs = {row.task for row in rows}, {f"{row.task}-{row.model}" for row in rows}
    runs |= {one.name for one in chapter.runs}
    prepared = [_json(path) for path in sorted(preparations.glob("*.json")) if path.stem in tasks]
    drawn = [curve for curve in collect_curves(plots) if curve.name.rpartition("/")[2] in runs]
    cells = {row.place: _json(path) for row in rows if (path := plots / "evaluate" / row.place).is_file()}
    votes = {name: rows for name, rows in collect_votes(plots / "vote").items() if name.rpartition("/")[2] in runs}
    (out / "index.html").write_text(page(rows, cells, prepared, drawn, pairs, votes, chapter), encoding="utf-8")
    write_json(metrics, {**summary(rows), **rationalyst.summary(chapter)})


def collect(evaluations: Path, tasks: Sequence[str] = (), models: Sequence[str] = ()) -> list[Row]:
    """The evaluations below a folder, `METHOD/TASK-MODEL.json` each, of these tasks and base models (none named: all).

    Files of other tasks and models may lie there from runs at another scale. Raises ReportError when none is left.
    """
    found = [_row(path, _json(path)) for path in sorted(evaluations.rglob("*.json"))]
    rows = [row for row in found if row.task in (tasks or (row.task,)) and row.model in (models or (row.model,))]
    if not rows:
        asked = f" of {', '.join(tasks)} with {', '.join(models)}" if tasks else ""
        raise ReportError(f"{evaluations} holds no evaluations{asked}; `dvc repro evaluate` makes them")
    return sorted(rows, key=lambda row: (row.task, row.model, row.method))


def collect_curves(folder: Path) -> list[Curve]:
    """The learning curves below a folder: JSON files that are lists of rows with a step."""
    found = [(path, _json(path)) for path in sorted(folder.rglob("*.json"))]
    return [
        Curve(path.relative_to(folder).with_suffix("").as_posix(), rows)
        for path, rows in found
        if isinstance(rows, list) and rows and "step" in rows[0]
    ]


def collect_votes(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The curves of votes below a folder by METHOD/TASK-MODEL: rows with k, kind, value, low and high."""
    return {path.relative_to(folder).with_suffix("").as_posix(): _json(path) for path in sorted(folder.rglob("*.json"))}


def summary(rows: list[Row]) -> dict[str, object]:
    """Accuracy by method, task and model: few keys, so that `dvc exp show` stays a table one can read."""
    nested: dict[str, Any] = {}
    for row in rows:
        tasks = nested.setdefault(row.method, {})
        tasks.setdefault(row.task, {})[row.model] = {"accuracy": round(row.numbers["accuracy"], 4)}
    return nested


def columns(rows: list[Row]) -> list[str]:
    """The metrics that a table shows: accuracies first, then the largest k that any row has of maj@k and pass@k."""
    known = {name for row in rows for name in row.numbers}
    largest = [
        max((name for name in known if name.startswith(f"{kind}@")), key=lambda name: int(name.partition("@")[2]))
        for kind in ("maj", "pass")
        if any(name.startswith(f"{kind}@") for name in known)
    ]
    wanted = ["accuracy", "accuracy_seen", "accuracy_unseen", "strict_accuracy", *largest]
    return [name for name in wanted if name in known]


def cells(row: Row, names: list[str]) -> list[str]:
    """A row's texts in those columns, percent with one decimal; accuracy with its interval."""
    texts = [f"{100 * row.numbers[name]:.1f}" if name in row.numbers else "-" for name in names]
    if {"accuracy_low", "accuracy_high"} <= row.numbers.keys():
        texts[0] += f" [{100 * row.numbers['accuracy_low']:.1f}, {100 * row.numbers['accuracy_high']:.1f}]"
    return texts


def heading(name: str) -> str:
    """A column's title."""
    short = {"accuracy": "accuracy [95 %]", "strict_accuracy": "strict"}
    return short.get(name, name.removeprefix("accuracy_"))


def show(
    rows: list[Row],
    pairs: Sequence[Pair] = (),
    page: Path = Path("report/index.html"),
    chapter: Chapter | None = None,
) -> None:
    """Print the table, the paired differences, RATIONALYST's tables, and where to look next."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table(rows))
    if pairs:
        console.print(pairs_table(pairs))
    for one in rationalyst.tables(chapter or Chapter()):
        console.print(one)
    console.print("Where to look next:")
    for what, where in NEXT:
        console.print(f"  {what:<29} {where.format(page=page)}", markup=False)


def table(rows: list[Row]) -> Table:
    """The table of evaluations, in percent."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    names = columns(rows)
    made = Table(box=box.SIMPLE_HEAD)
    for title in ("task", "model", "method"):
        made.add_column(title, no_wrap=True)
    for name in (*map(heading, names), "problems"):
        made.add_column(Text(name), justify="right", no_wrap=True)
    for row in rows:
        texts = (row.task, row.model, row.method, *cells(row, names), f"{row.numbers.get('problems', 0):.0f}")
        made.add_row(*map(Text, texts))
    return made


def pairs_table(pairs: Sequence[Pair]) -> Table:
    """The table of paired differences, in percentage points."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD)
    for number, title in enumerate(HEAD):
        justify: Literal["left", "right"] = "left" if number < TEXTS else "right"
        made.add_column(Text(title), justify=justify, no_wrap=True)
    for pair in pairs:
        made.add_row(*map(Text, pair_cells(pair)))
    return made


def _row(path: Path, found: Any) -> Row:
    missing = [key for key in ("method", "task", "model", "accuracy") if key not in found]
    if missing:
        raise ReportError(f"{path} has no {missing[0]!r}; it is not the metrics of an evaluation: remove it")
    numbers = {key: float(value) for key, value in found.items() if isinstance(value, int | float)}
    return Row(found["method"], found["task"], found["model"], numbers)


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReportError(f"{path} is not JSON ({error}); run its stage again") from error
