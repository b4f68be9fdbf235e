"""One table and one page over all evaluations (chapter: foundation)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise import report, report_pairs
from stepwise.comparisons import compare_with_baselines, greedy
from stepwise.stage import Run, stage


@stage(params=("tasks", "models"))
def main(
    run: Run, *, evaluations: Path, predictions: Path, preparations: Path, plots: Path, out: Path, metrics: Path
) -> None:
    """Collect the metrics that stages left and compare methods, as JSON for DVC and as a page for people."""
    rows = report.collect(evaluations, run.params.tasks, run.params.models)
    pairs = compare_with_baselines(rows, partial(greedy, predictions))
    report.build(rows, preparations, plots, run.work / "report", metrics, pairs)
    report_pairs.write(metrics.with_name("comparisons.json"), pairs)
    run.publish(run.work / "report", out)
    run.log(evaluations=len(rows))


if __name__ == "__main__":
    main()
