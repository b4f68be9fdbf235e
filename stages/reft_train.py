"""Reinforcement learning of a warm-up model on the checked answers of its task (chapter: ReFT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.reft.train import TaskSetup, train_on_task
from stepwise.models.card import Card, write_card
from stepwise.records import write_json, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "reft"))
def main(run: Run, *, task: str, model: str, data: Path, warm_up: Path, out: Path, metrics: Path, plot: Path) -> None:
    """Sample, check and learn on the training problems; keep the state that answers dev best."""
    setup = TaskSetup.load(run.params, task, model, data, work=run.work)
    result = train_on_task(setup, run.params.reft, warm_up)
    spent = ", ".join(f"{name} {value:.0f}" for name, value in result.spent.items())
    notes = f"Trained with {spent}."
    write_card(setup.out, Card(method="reft", task=task, model=model, task_params=setup.task_params, notes=notes))
    run.publish(setup.out, out)
    write_json(metrics, {"method": "reft", "task": task, "model": model, **result.spent})
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(steps=result.steps, **result.spent, **{f"seconds_{part}": value for part, value in result.seconds.items()})


if __name__ == "__main__":
    main()
