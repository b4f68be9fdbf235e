"""The warm start trained by reinforcement on how much its solutions resemble the gold (chapter: REFINER)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.refiner.rewards import train_by_reward
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "refiner_ppo"))
def main(run: Run, *, task: str, model: str, data: Path, start: Path, out: Path, metrics: Path, plot: Path) -> None:
    """Sample, score and learn on the training problems; keep the state that solves most of dev."""
    setup = RefinerSetup.load(run.params, task, model)
    train, dev = (read_jsonl(data / f"{name}.jsonl", Problem) for name in ("train", "dev"))
    result = train_by_reward(setup, start, train, dev, run.params.refiner_ppo, run.work)
    folder = run.work / "model"
    write_card(folder, Card(method="refiner_ppo", task=task, model=model, task_params=setup.task_params))
    run.publish(folder, out)
    write_json(metrics, {"method": "refiner_ppo", "task": task, "model": model, **result.spent})
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(steps=result.steps, **result.spent, **{f"seconds_{part}": value for part, value in result.seconds.items()})


if __name__ == "__main__":
    main()
