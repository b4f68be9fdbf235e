"""The toy's chapter of the report: the mean length of a task's questions."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.report.grid import Grid

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class WordCountChapter:
    """What the report says about the toy."""

    lengths: dict[str, float]
    """Words a question, by task."""
    runs: Collection[str] = field(default=())

    def summary(self) -> dict[str, Any]:
        """Lengths are no accuracies."""
        return {}

    def tables(self) -> list[Table]:
        """One table."""
        return [self._grid().printed()]

    def sections(self) -> str:
        """One section."""
        return self._grid().html()

    def _grid(self) -> Grid:
        rows = [[task, f"{length:.1f}"] for task, length in self.lengths.items()]
        return Grid("Word count", "words a question", ("task", "words"), rows, "Of the training problems.")


def collect(metrics: Path, tasks: Collection[str]) -> WordCountChapter:
    """The chapter about these tasks."""
    numbers = {task: json.loads((metrics / f"{task}.json").read_text(encoding="utf-8")) for task in tasks}
    return WordCountChapter({task: of_task["words"] for task, of_task in numbers.items()})
