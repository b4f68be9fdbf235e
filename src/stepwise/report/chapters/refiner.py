"""REFINER's chapter of the report: what refinement gains in steps and answers, the critics, and one refinement."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise import evaluation
from stepwise.records import Prediction, read_jsonl
from stepwise.report.chapters import refiner_tables as tables
from stepwise.report.chapters.base import Sources
from stepwise.report.chapters.refiner_tables import Results
from stepwise.report.collecting import read_json
from stepwise.report.markup import definitions, details, section, verbatim
from stepwise.report.pairs import Pair

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLE = "A wrong attempt on the test that the generator put right after the critic's feedback, as they wrote it."
FILES = {"z": "z.jsonl", "y": "greedy.jsonl"}
"""Where an evaluation says which problems are right, by what is compared."""


@dataclass(frozen=True)
class Selection:
    """What of the files in metrics/ belongs to the run."""

    tasks: Collection[str]
    models: Collection[str]
    methods: Sequence[str]
    """What is evaluated, in the order of the table."""
    comparisons: Sequence[tuple[str, str]]
    """Pairs of methods: one, and what it is compared with."""


@dataclass(frozen=True)
class RefinerChapter:
    """What the report says about REFINER."""

    results: list[Results] = field(default_factory=list)
    """By task and model."""

    @property
    def runs(self) -> Collection[str]:
        """The runs are named TASK-MODEL."""
        return ()

    def summary(self) -> Mapping[str, Any]:
        """Nothing beyond what the evaluations have."""
        return {}

    def tables(self) -> list[Table]:
        """A table of evaluations for each task and model, the differences, and the critics."""
        grids = [*map(tables.evaluations, self.results), tables.differences(self.results), tables.critics(self.results)]
        return [grid.printed() for grid in grids if grid.rows]

    def sections(self) -> str:
        """The same, and charts, faults that remain, and an example for each task and model."""
        parts = [tables.evaluations(results).html(tables.chart(results)) for results in self.results]
        if parts:
            parts.append(details("What the columns and methods are", definitions(tables.WORDS)))
        parts += [tables.differences(self.results).html(), tables.critics(self.results).html()]
        parts += [tables.remaining(results).html() for results in self.results]
        examples = "".join(
            details(results.title, verbatim(results.example)) for results in self.results if results.example
        )
        parts.append(section(f"{tables.CHAPTER}: a refinement", examples, EXAMPLE))
        return "".join(parts)


def collect(
    sources: Sources, selection: Selection, examples: Mapping[tuple[str, str], str] | None = None
) -> RefinerChapter:
    """The chapter about a run, as far as there are metrics of its evaluations.

    Differences come from the answers where the sources have them; without them, those of y from the pairs of all
    evaluations, where the oracle takes no part. `examples` has a refinement, as text, by task and model. Raises
    ReportError for a file that is not JSON.
    """
    every = [
        _results(sources, selection, task, model, (examples or {}).get((task, model), ""))
        for task in selection.tasks
        for model in selection.models
    ]
    return RefinerChapter([results for results in every if results.evaluations])


def _results(sources: Sources, selection: Selection, task: str, model: str, example: str) -> Results:
    name = f"{task}-{model}.json"
    evaluations = _numbers({this: sources.metrics / "evaluate" / this / name for this in selection.methods})
    critics = _numbers({part: sources.metrics / "refiner" / part / name for part in ("critic", "critic_test")})
    return Results(
        task=task,
        model=model,
        evaluations=evaluations,
        critic={**critics.get("critic", {}), **critics.get("critic_test", {})},
        differences=_differences(sources, selection, task, model),
        example=example,
    )


def _differences(sources: Sources, selection: Selection, task: str, model: str) -> dict[str, list[Pair]]:
    if sources.predictions is None:
        known = [pair for pair in sources.pairs if (pair.task, pair.model) == (task, model)]
        return {"y": [pair for pair in known if (pair.method, pair.against) in selection.comparisons]}
    folders = {this: sources.predictions / this / f"{task}-{model}" for this in selection.methods}
    return {
        part: [
            Pair(task, model, method, against, evaluation.compare(_read(start), _read(end)))
            for method, against in selection.comparisons
            if method in folders and against in folders
            for start, end in [(folders[against] / file, folders[method] / file)]
            if start.is_file() and end.is_file()
        ]
        for part, file in FILES.items()
    }


def _read(path: Path) -> list[Prediction]:
    return read_jsonl(path, Prediction)


def _numbers(paths: Mapping[str, Path]) -> dict[str, dict[str, float]]:
    """The numbers in the files that there are."""
    contents = {name: read_json(path) for name, path in paths.items() if path.is_file()}
    return {
        name: {key: float(value) for key, value in content.items() if isinstance(value, int | float)}
        for name, content in contents.items()
    }
