"""The evaluations and curves that lie in files."""

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
    """The evaluations below a folder, `METHOD/TASK-MODEL.json` each, of these tasks and base models (none named: all).

    Files of other tasks and models may lie there from runs at another scale. Raises ReportError when none is left.
    """
    found = [_row(path, read_json(path)) for path in sorted(evaluations.rglob("*.json"))]
    rows = [row for row in found if row.task in (tasks or (row.task,)) and row.model in (models or (row.model,))]
    if not rows:
        asked = f" of {', '.join(tasks)} with {', '.join(models)}" if tasks else ""
        raise ReportError(f"{evaluations} holds no evaluations{asked}; `dvc repro evaluate` makes them")
    return sorted(rows, key=lambda row: (row.task, row.model, row.method))


def collect_curves(folder: Path) -> list[Curve]:
    """The learning curves below a folder: JSON files that are lists of rows with a step."""
    found = [(path, read_json(path)) for path in sorted(folder.rglob("*.json"))]
    return [
        Curve(path.relative_to(folder).with_suffix("").as_posix(), [_without_nulls(row) for row in rows])
        for path, rows in found
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
    """What a JSON file holds. Raises ReportError for a file that is not JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ReportError(f"{path} is not JSON ({error}); run its stage again") from error


def _row(path: Path, found: Any) -> Row:
    missing = [key for key in ("method", "task", "model", "accuracy") if key not in found]
    if missing:
        raise ReportError(f"{path} has no {missing[0]!r}; it is not the metrics of an evaluation: remove it")
    numbers = {key: float(value) for key, value in found.items() if isinstance(value, int | float)}
    return Row(found["method"], found["task"], found["model"], numbers)
