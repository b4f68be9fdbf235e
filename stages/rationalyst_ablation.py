"""RATIONALYST trained on other notes, or its agent on the same rows, compared with the whole (studies)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from stepwise import evaluation
from stepwise.methods.rationalyst.inference.setup import prepare
from stepwise.methods.rationalyst.training.ablation import train_variant
from stepwise.methods.rationalyst.training.training_data import read
from stepwise.records import Prediction, read_jsonl, write_json, write_jsonl
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=(
    "seed", "limits", "backend", "self_training", "task.{task}", "rationalyst_runs.{name}", "rationalyst_training",
    "rationalyst_supervision", "rationalyst_ablations",
))  # fmt: skip
def main(
    run: Run, *, variant: str, name: str, task: str, data: Path, documents: Path, judged: Path, base: Path,
    agent: Path, scorer: Path, full: Path, out: Path, metrics: Path,
) -> None:  # fmt: skip
    """Train the variant, solve the run's test problems with it, and compare with the whole problem by problem."""
    params, of_run = run.params, run.params.rationalyst_runs[name]
    changed = params.rationalyst_ablations[variant]
    of_task = params.limits.cap(params.task[task])
    trained, numbers = train_variant(
        changed, of_run, params.rationalyst_training, params.self_training.fine_tuning, *read(documents, judged),
        task=get_task(task, of_task, seed=params.seed), data=data, base=base, agent=agent,
        new_tokens=of_task.max_new_tokens, batch_tokens=params.backend.batch_tokens, seed=params.seed, work=run.work,
    )  # fmt: skip
    roles = {"agent": agent, "rationalyst": trained, "scorer": scorer, "verifier": scorer}
    if changed.agent:
        roles |= {"agent": trained, "rationalyst": scorer}
    contest = prepare(params, of_run, roles, task=task, data=data, work=run.work / "journal", only=changed.chooser)
    outcome = contest.hold()[changed.chooser]
    write_jsonl(run.work / "predictions" / "answers.jsonl", outcome.predictions)
    run.publish(run.work / "predictions", out)
    pair = asdict(evaluation.compare(read_jsonl(full / "implicit.jsonl", Prediction), outcome.predictions))
    numbers |= outcome.numbers | {f"vs_full_{key}": pair[key] for key in ("difference", "low", "high")}
    write_json(metrics, {"variant": variant, "task": task, "model": name, "chooser": changed.chooser, **numbers})
    run.log(**numbers)


if __name__ == "__main__":
    main()
