"""TriPosT's chapter of the report: what self-improvement gains, what became of the trajectories, and one of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.report.chapters import tripost_tables as tables
from stepwise.report.chapters.tripost_tables import Results
from stepwise.report.collecting import read_json
from stepwise.report.markup import definitions, details, section, verbatim
from stepwise.report.pairs import Pair

if TYPE_CHECKING:
    from rich.table import Table

EXAMPLE = "A wrong answer on the test that the model criticised and put right, as it wrote it."


@dataclass(frozen=True)
class Selection:
    """What of the files in metrics/ belongs to the run."""

    tasks: Collection[str]
    models: Collection[str]
    start: str
    """The model that the first round and the baselines start from."""
    baselines: Sequence[str]
    rounds: Sequence[str]
    """In order."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Everything that is evaluated, in the order of the table."""
        return (self.start, *self.baselines, *self.rounds)


@dataclass(frozen=True)
class TripostChapter:
    """What the report says about TriPosT."""

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
        """A table of evaluations for each task and model, the last round's differences, and the trajectories."""
        grids = [*map(tables.evaluations, self.results), tables.differences(self.results)]
        grids.append(tables.trajectories(self.results))
        return [grid.printed() for grid in grids if grid.rows]

    def sections(self) -> str:
        """The same, and charts, reasons of rejection, what was trained on, and an example for each task and model."""
        parts = [tables.evaluations(results).html(tables.chart(results)) for results in self.results]
        if parts:
            parts.append(details("What the columns and methods are", definitions(tables.WORDS)))
        grids = (tables.differences, tables.trajectories, tables.rejections, tables.training)
        parts += [grid(self.results).html() for grid in grids]
        examples = "".join(
            details(f"{results.title}, {results.last}", verbatim(results.example))
            for results in self.results
            if results.example
        )
        parts.append(section(f"{tables.CHAPTER}: a mistake corrected", examples, EXAMPLE))
        return "".join(parts)


def collect(
    metrics: Path,
    selection: Selection,
    pairs: Sequence[Pair] = (),
    examples: Mapping[tuple[str, str], str] | None = None,
) -> TripostChapter:
    """The chapter about a run, as far as there are metrics of its evaluations and of TriPosT's stages.

    `examples` has one trajectory, as text, by task and model. Raises ReportError for a file that is not JSON.
    """
    every = [
        _results(metrics, selection, task, model, pairs, (examples or {}).get((task, model), ""))
        for task in selection.tasks
        for model in selection.models
    ]
    return TripostChapter([results for results in every if results.last])


def _results(
    metrics: Path, selection: Selection, task: str, model: str, pairs: Sequence[Pair], example: str
) -> Results:
    name = f"{task}-{model}"
    evaluations = _numbers({method: metrics / "evaluate" / method / f"{name}.json" for method in selection.methods})
    last = next((this for this in reversed(selection.rounds) if this in evaluations), "")
    stages = metrics / "tripost"
    rounds = _numbers({this: stages / "rounds" / name / f"{this}.json" for this in selection.rounds})
    baselines = _numbers({this: stages / "baselines" / this / f"{name}.json" for this in selection.baselines})
    return Results(
        task=task,
        model=model,
        evaluations=evaluations,
        start=selection.start,
        rounds=tuple(selection.rounds),
        last=last,
        edits=_numbers({this: stages / "edits" / name / f"{this}.json" for this in selection.rounds}),
        trained={**baselines, **rounds},
        pairs=tuple(pair for pair in pairs if (pair.task, pair.model, pair.method) == (task, model, last)),
        example=example,
    )


def _numbers(paths: Mapping[str, Path]) -> dict[str, dict[str, float]]:
    """The numbers in the files that there are."""
    contents = {name: read_json(path) for name, path in paths.items() if path.is_file()}
    return {
        name: {key: float(value) for key, value in content.items() if isinstance(value, int | float)}
        for name, content in contents.items()
    }
