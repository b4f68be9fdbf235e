"""What a method adds to the report."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from stepwise.report.pairs import Pair

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Sources:
    """The folders that chapters are written from."""

    metrics: Path = Path("metrics")
    """Numbers of every stage, in a folder for each method."""
    studies: Path = Path("studies/metrics")
    data: Path | None = None
    """What stages wrote for each other, for examples on the page; the terminal shows none and needs no folder."""
    predictions: Path | None = None
    """Answers of all evaluations, for examples too."""
    pairs: Sequence[Pair] = ()
    """Paired differences between evaluations."""


class Chapter(Protocol):
    """A method's part of the report, beside the evaluations that every method has."""

    @property
    def runs(self) -> Collection[str]:
        """Names of the runs whose learning curves belong on the page, where they are not TASK-MODEL."""

    def summary(self) -> Mapping[str, Any]:
        """Accuracies for metrics/report.json, nested like those of evaluations: method, task, model."""

    def tables(self) -> list[Table]:
        """Tables for the terminal."""

    def sections(self) -> str:
        """Sections of the page, as HTML."""
