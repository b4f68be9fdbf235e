"""Reinforcement of a warm-up model on the checked answers of its task (chapter: ReFT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.reft.train import train_on_task
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "reft"))
def main(run: Run, *, task: str, model: str, data: Path, warm_up: Path, out: Path, metrics: Path, plot: Path) -> None:
    """Sample, check and learn on the training questions; keep the state that answers dev best."""
    params, of_task = run.params, run.params.limits.cap(run.params.task[task])
    result = train_on_task(
        get_task(task, of_task, seed=params.seed),
        read_jsonl(data / "train.jsonl", Problem),
        read_jsonl(data / "dev.jsonl", Problem),
        params.reft,
        of_task=of_task,
        of_model=params.model[model],
        backend=params.backend,
        warm_up=warm_up,
        seed=params.seed,
        work=run.work / "training",
        out=run.work / "model",
    )
    spent = ", ".join(f"{name} {value:.0f}" for name, value in result.spent.items())
    card = Card(method="reft", task=task, model=model, task_params=of_task, notes=f"Trained with {spent}.")
    write_card(run.work / "model", card)
    run.publish(run.work / "model", out)
    write_json(metrics, {"method": "reft", "task": task, "model": model, **result.spent})
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(steps=result.steps, **result.spent, **{f"seconds_{part}": value for part, value in result.seconds.items()})


if __name__ == "__main__":
    main()
