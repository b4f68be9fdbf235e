"""Problems of a task, validated and split (chapter: foundation)."""

from __future__ import annotations

import os
from pathlib import Path

from stepwise.records import write_json
from stepwise.stage import Run, stage
from stepwise.tasks.preparation.prepare import prepare
from stepwise.tasks.registry import get_task


@stage(params=("seed", "data_dir", "limits", "task.{task}"))
def main(run: Run, *, task: str, out: Path, metrics: Path) -> None:
    """Load a task's splits, drop what does not check, and write them as problems."""
    params = run.params.limits.cap(run.params.task[task])
    data = Path(os.environ.get("STEPWISE_DATA") or run.params.data_dir)
    prepared = get_task(task, params, seed=run.params.seed, data=data)
    counts = prepare(prepared, run.work / "problems", references=params.references)
    run.publish(run.work / "problems", out)
    write_json(metrics, {"task": task, **counts})
    run.log(**counts)


if __name__ == "__main__":
    main()
