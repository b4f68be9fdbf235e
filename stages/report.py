"""One table and one page over all evaluations (chapter: foundation)."""

from __future__ import annotations

from pathlib import Path

from stepwise.stage import Run, stage


@stage(params=())
def main(run: Run, *, evaluations: Path, preparations: Path, curves: Path, out: Path, metrics: Path) -> None:
    """Collect the metrics that stages left, as JSON for DVC and as a page for people."""
