"""One table and one page over all evaluations (chapter: foundation)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise import report
from stepwise.report.comparisons import compare_with_baselines, greedy
from stepwise.stage import Run, stage


@stage(params=("tasks", "models", "rationalyst_runs", "rationalyst_transfers"))
def main(
    run: Run, *, evaluations: Path, predictions: Path, preparations: Path, rationalyst: Path, notes: Path,
    studies: Path, plots: Path, out: Path, metrics: Path,
) -> None:  # fmt: skip
    """Collect the metrics that stages left and compare methods, as JSON for DVC and as a page for people."""
    rows = report.collect(evaluations, run.params.tasks, run.params.models)
    pairs = compare_with_baselines(rows, partial(greedy, predictions))
    setups = {**run.params.rationalyst_runs, **run.params.rationalyst_transfers}
    chapter = report.rationalyst.collect(rationalyst, setups, notes, studies)
    report.build(rows, preparations, plots, run.work / "report", metrics, pairs, chapter)
    report.pairs.write(metrics.with_name("comparisons.json"), pairs)
    run.publish(run.work / "report", out)
    run.log(evaluations=len(rows))


if __name__ == "__main__":
    main()
