"""One table and one page over all evaluations (chapter: foundation)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise import report
from stepwise.methods.registry import CHAPTER_PARAMS, agents, chapters, comparisons
from stepwise.stage import Run, stage


@stage(params=("tasks", "models", *CHAPTER_PARAMS))
def main(
    run: Run, *, evaluations: Path, predictions: Path, preparations: Path, data: str, studies: Path, plots: Path,
    out: Path, metrics: Path,
) -> None:  # fmt: skip
    """Collect the metrics that stages left and compare methods, as JSON for DVC and as a page for people.

    `data` is text, not a Path: chapters read little of that folder, and a stage hashes all of its inputs.
    """
    models = [*run.params.models, *agents(run.params)]
    rows = report.collect(evaluations, run.params.tasks, models)
    pairs = report.compare_with_baselines(rows, partial(report.greedy, predictions), comparisons(run.params))
    sources = report.Sources(
        metrics=evaluations.parent, studies=studies, data=Path(data), predictions=predictions, pairs=pairs
    )
    report.build(rows, preparations, plots, run.work / "report", metrics, pairs, chapters(run.params, sources))
    report.pairs.write(metrics.with_name("comparisons.json"), pairs)
    run.publish(run.work / "report", out)
    run.log(evaluations=len(rows))


if __name__ == "__main__":
    main()
