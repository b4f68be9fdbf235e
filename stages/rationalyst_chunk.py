"""A corpus of clean documents without test problems and duplicates (chapter: RATIONALYST)."""

from __future__ import annotations

import os
from pathlib import Path

from stepwise.methods.rationalyst.corpus.pipeline import chunk
from stepwise.records import write_json
from stepwise.stage import Run, stage


@stage(params=("data_dir", "tasks", "rationalyst_corpus"))
def main(run: Run, *, problems: Path, out: Path, metrics: Path) -> None:
    """Read the sources, drop overlaps with the test problems of the run's tasks, write shards with a manifest."""
    counts = chunk(
        run.params.rationalyst_corpus,
        data=Path(os.environ.get("STEPWISE_DATA") or run.params.data_dir),
        tests=[problems / task / "test.jsonl" for task in run.params.tasks],
        work=run.work / "corpus",
        out=run.work / "documents",
    )
    run.publish(run.work / "documents", out)
    write_json(metrics, counts)
    run.log(**counts)


if __name__ == "__main__":
    main()
