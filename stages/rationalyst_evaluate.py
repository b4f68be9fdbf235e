"""An agent whose steps RATIONALYST chooses, beside other ways of choosing them (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise import evaluation
from stepwise.methods.rationalyst.assembly import assemble
from stepwise.methods.rationalyst.comparing import compare, tabulate
from stepwise.records import Problem, read_jsonl, write_json, write_jsonl
from stepwise.stage import Run, stage
from stepwise.tasks import get_task


@stage(params=("seed", "limits", "backend", "task.{task}", "rationalyst_runs.{name}", "rationalyst_supervision"))
def main(
    run: Run, *, name: str, task: str, data: Path, rationalyst: Path, agent: Path, scorer: Path, verifier: Path,
    out: Path, metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Solve the same test problems in every way and compare them, problem by problem."""
    params, of_run = run.params, run.params.rationalyst_runs[name]
    asked = get_task(task, params.limits.cap(params.task[task]), seed=params.seed)
    problems = evaluation.spread(read_jsonl(data / "test.jsonl", Problem), of_run.items)
    shown = evaluation.spread(read_jsonl(data / "train.jsonl", Problem), of_run.shots) if of_run.shots else []
    models = assemble(
        {"agent": agent, "rationalyst": rationalyst, "scorer": scorer, "verifier": verifier},
        of_run,
        params.rationalyst_supervision,
        params.backend,
        task=asked,
        shown=shown,
        seed=params.seed,
        work=run.work / "journal",
    )
    outcomes = compare(models, asked, problems, params.rationalyst_supervision, seed=params.seed)
    for chooser, outcome in outcomes.items():
        write_jsonl(run.work / "predictions" / f"{chooser}.jsonl", outcome.predictions)
    run.publish(run.work / "predictions", out)
    rows = tabulate(outcomes, seed=params.seed)
    facts = {"method": "rationalyst", "task": task, "model": name, "agent": of_run.agent}
    ends = ("", "_low", "_high")
    numbers = {f"accuracy_{row['chooser']}{end}": row[f"accuracy{end}"] for row in rows for end in ends}
    write_json(metrics, {**facts, "demonstration": of_run.demonstration, **numbers, "choosers": rows})
    write_json(plot, [{key: row[key] for key in ("chooser", "accuracy", "tokens_written")} for row in rows])
    run.log(**numbers)


if __name__ == "__main__":
    main()
