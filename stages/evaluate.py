"""A trained model on the test problems, and on dev for later choices (chapter: foundation)."""

from __future__ import annotations

from pathlib import Path

from stepwise.evaluation.examine import examine
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "evaluate"))
def main(
    run: Run, *, method: str, task: str, model: str, data: Path, trained: Path, out: Path, metrics: Path, plot: Path
) -> None:
    """Answer test problems greedily and sampled, dev problems greedily; register the model with what came out."""
    examine(
        run,
        method=method,
        task=task,
        model=model,
        data=data,
        trained=trained,
        out=out,
        metrics=metrics,
        plot=plot,
    )


if __name__ == "__main__":
    main()
