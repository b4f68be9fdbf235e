"""RATIONALYST on another task than its run's own, beside other ways of choosing steps (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.contest import prepare
from stepwise.methods.rationalyst.outcomes import publish
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "backend", "task.{task}", "rationalyst_transfers.{name}", "rationalyst_supervision"))
def main(
    run: Run, *, name: str, task: str, data: Path, rationalyst: Path, agent: Path, scorer: Path, verifier: Path,
    out: Path, metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Solve the task's test problems in every way and compare them, problem by problem."""
    asked = run.params.rationalyst_transfers[name]
    folders = {"agent": agent, "rationalyst": rationalyst, "scorer": scorer, "verifier": verifier}
    contest = prepare(run.params, asked, folders, task=task, data=data, work=run.work / "journal")
    publish(run, contest.hold(), asked, name=name, out=out, metrics=metrics, plot=plot)


if __name__ == "__main__":
    main()
