"""An agent whose steps RATIONALYST chooses, beside other ways of choosing them (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.comparing import bars, tabulate
from stepwise.methods.rationalyst.contest import prepare
from stepwise.records import write_json, write_jsonl
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "backend", "task.{task}", "rationalyst_runs.{name}", "rationalyst_supervision"))
def main(
    run: Run, *, name: str, task: str, data: Path, rationalyst: Path, agent: Path, scorer: Path, verifier: Path,
    out: Path, metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Solve the same test problems in every way and compare them, problem by problem."""
    params, of_run = run.params, run.params.rationalyst_runs[name]
    folders = {"agent": agent, "rationalyst": rationalyst, "scorer": scorer, "verifier": verifier}
    contest = prepare(params, of_run, folders, task=task, data=data, work=run.work / "journal")
    outcomes = contest.hold()
    for chooser, outcome in outcomes.items():
        write_jsonl(run.work / "predictions" / f"{chooser}.jsonl", outcome.predictions)
    run.publish(run.work / "predictions", out)
    rows = tabulate(outcomes, seed=params.seed)
    facts = {"method": "rationalyst", "task": task, "model": name, "agent": of_run.agent}
    ends = ("", "_low", "_high")
    numbers = {f"accuracy_{row['chooser']}{end}": row[f"accuracy{end}"] for row in rows for end in ends}
    write_json(metrics, {**facts, "demonstration": of_run.demonstration, **numbers, "choosers": rows})
    write_json(plot, bars(rows))
    run.log(**numbers)


if __name__ == "__main__":
    main()
