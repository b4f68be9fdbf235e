"""RATIONALYST trained on other notes, or its agent on the same rows, compared with the full method (studies)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from stepwise import evaluation
from stepwise.methods.rationalyst.inference.setup import prepare
from stepwise.methods.rationalyst.training.ablation import Agent, train_variant
from stepwise.methods.rationalyst.training.train import TrainingJob
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
    """Train the variant, solve the run's test problems with it, and compare with the full method, paired by problem."""
    params, setup = run.params, run.params.rationalyst_runs[name]
    ablation, trained = params.rationalyst_ablations[variant], run.work / "model"
    task_params = params.limits.cap(params.task[task])
    numbers = train_variant(
        ablation, read(documents, judged), params.rationalyst_training, base=base,
        agent=Agent(agent, get_task(task, task_params, seed=params.seed), data, params.self_training.fine_tuning,
                    task_params.max_new_tokens),
        job=TrainingJob(setup, params.backend.batch_tokens, params.seed, work=run.work / "training", out=trained),
    )  # fmt: skip
    folders = {"agent": agent, "rationalyst": trained, "scorer": scorer, "verifier": scorer}
    if ablation.agent:
        folders |= {"agent": trained, "rationalyst": scorer}
    work = run.work / "journal"
    comparison = prepare(params, setup, folders, task=task, data=data, work=work, only=ablation.chooser)
    result = comparison.run()[ablation.chooser]
    write_jsonl(run.work / "predictions" / "answers.jsonl", result.predictions)
    run.publish(run.work / "predictions", out)
    pair = asdict(evaluation.compare(read_jsonl(full / "implicit.jsonl", Prediction), result.predictions))
    numbers |= result.numbers | {f"vs_full_{key}": pair[key] for key in ("difference", "low", "high")}
    write_json(metrics, {"variant": variant, "task": task, "model": name, "chooser": ablation.chooser, **numbers})
    run.log(**numbers)


if __name__ == "__main__":
    main()
