"""An agent whose steps RATIONALYST chooses, beside other choosers (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.inference.publish import publish
from stepwise.methods.rationalyst.inference.setup import prepare
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "backend", "task.{task}", "{group}.{name}", "rationalyst_supervision"))
def main(
    run: Run, *, group: str, name: str, task: str, data: Path, rationalyst: Path, agent: Path, scorer: Path,
    verifier: Path, out: Path, metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Solve the same test problems with every chooser and compare them, paired by problem.

    `group` is rationalyst_runs or, for a task other than the run's own, rationalyst_transfers.
    """
    setup = getattr(run.params, group)[name]
    folders = {"agent": agent, "rationalyst": rationalyst, "scorer": scorer, "verifier": verifier}
    comparison = prepare(run.params, setup, folders, task=task, data=data, work=run.work / "journal")
    publish(run, comparison.run(), setup, name=name, out=out, metrics=metrics, plot=plot)


if __name__ == "__main__":
    main()
