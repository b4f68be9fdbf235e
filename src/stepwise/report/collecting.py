"""The evaluations and curves that the stages left in files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwise.errors import StepwiseError


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
    """A learning curve, named after its file. A point has the columns for which its row has a value."""

    name: str
    points: list[dict[str, float]]


def collect(evaluations: Path, tasks: Sequence[str] = (), models: Sequence[str] = ()) -> list[Row]:
    """The evaluations below a folder (`METHOD/TASK-MODEL.json`) of these tasks and base models, or of all.

    Runs at another scale leave files of other tasks and models there. Raises ReportError if no evaluation is left.
    """
    every = [_row(path, read_json(path)) for path in sorted(evaluations.rglob("*.json"))]
    rows = [row for row in every if row.task in (tasks or (row.task,)) and row.model in (models or (row.model,))]
    if not rows:
        wanted = f" of {', '.join(tasks)} with {', '.join(models)}" if tasks else ""
        raise ReportError(f"{evaluations} holds no evaluations{wanted}; `dvc repro evaluate` makes them")
    return sorted(rows, key=lambda row: (row.task, row.model, row.method))


def collect_curves(folder: Path) -> list[Curve]:
    """The learning curves below a folder: JSON files that are lists of rows with a step."""
    files = [(path, read_json(path)) for path in sorted(folder.rglob("*.json"))]
    return [
        Curve(path.relative_to(folder).with_suffix("").as_posix(), [_without_nulls(row) for row in rows])
        for path, rows in files
        if isinstance(rows, list) and rows and "step" in rows[0]
    ]


def _without_nulls(row: dict[str, float | None]) -> dict[str, float]:
    return {column: value for column, value in row.items() if value is not None}


def collect_votes(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The curves of votes below a folder by METHOD/TASK-MODEL: rows with k, kind, value, low and high."""
    return {
        path.relative_to(folder).with_suffix("").as_posix(): read_json(path) for path in sorted(folder.rglob("*.json"))
    }


def read_json(path: Path) -> Any:
    """The content of a JSON file. Raises ReportError for a file that is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReportError(f"{path} is not JSON ({error}); run its stage again") from error


def _row(path: Path, metrics: Any) -> Row:
    missing = [key for key in ("method", "task", "model", "accuracy") if key not in metrics]
    if missing:
        raise ReportError(f"{path} has no {missing[0]!r}; it is not the metrics of an evaluation: remove it")
    numbers = {key: float(value) for key, value in metrics.items() if isinstance(value, int | float)}
    return Row(metrics["method"], metrics["task"], metrics["model"], numbers)
