"""The generator, trained with the oracle's feedback on its own attempts (chapter: REFINER)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.refiner.generator_loop import train_generator
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "refiner_train"))
def main(run: Run, *, task: str, model: str, data: Path, start: Path, out: Path, metrics: Path, plot: Path) -> None:
    """Sample, criticise and learn, from the warm start; keep the state that solves most of dev."""
    setup = RefinerSetup.load(run.params, task, model)
    train, dev = (read_jsonl(data / f"{name}.jsonl", Problem) for name in ("train", "dev"))
    result = train_generator(setup, start, train, dev, run.params.refiner_train, run.work)
    folder = run.work / "model"
    write_card(folder, Card(method="refiner", task=task, model=model, task_params=setup.task_params))
    run.publish(folder, out)
    write_json(metrics, {"method": "refiner", "task": task, "model": model, **result.numbers})
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(**result.numbers)


if __name__ == "__main__":
    main()
