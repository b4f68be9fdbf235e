"""RATIONALYST, trained on mined notes (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.training.train import TrainingJob, train
from stepwise.methods.rationalyst.training.training_data import read
from stepwise.models.card import Card, write_card
from stepwise.records import write_json, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "backend", "task.{task}", "rationalyst_runs.{name}", "rationalyst_training"))
def main(
    run: Run, *, name: str, task: str, documents: Path, judged: Path, base: Path, out: Path, metrics: Path, plot: Path
) -> None:
    """Train on the notes of both kinds of documents; keep the state that finds held-out notes likeliest."""
    params, model = run.params, run.work / "model"
    setup = params.rationalyst_runs[name]
    job = TrainingJob(setup, params.backend.batch_tokens, params.seed, work=run.work / "training", out=model)
    result = train(base, read(documents, judged), params.rationalyst_training, job)
    task_params = params.limits.cap(params.task[task])
    write_card(model, Card(method="rationalyst", task=task, model=name, task_params=task_params))
    run.publish(model, out)
    write_json(metrics, {"method": "rationalyst", "task": task, "model": name, **result.numbers})
    write_plot(plot, result.sft.curve)
    run.tracked.history = result.sft.curve
    run.log(tokens_per_second=result.sft.tokens_per_second, **result.numbers)
    run.register("rationalyst", task, name, folder=out, dev=result.told_apart)


if __name__ == "__main__":
    main()
