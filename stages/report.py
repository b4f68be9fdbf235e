"""One table and one page over all evaluations (chapter: foundation)."""

from __future__ import annotations

from pathlib import Path

from stepwise import report
from stepwise.stage import Run, stage


@stage(params=("tasks", "models"))
def main(run: Run, *, evaluations: Path, preparations: Path, plots: Path, out: Path, metrics: Path) -> None:
    """Collect the metrics that stages left, as JSON for DVC and as a page for people."""
    rows = report.collect(evaluations, run.params.tasks, run.params.models)
    report.build(rows, preparations, plots, run.work / "report", metrics)
    run.publish(run.work / "report", out)
    run.log(evaluations=len(rows))


if __name__ == "__main__":
    main()
