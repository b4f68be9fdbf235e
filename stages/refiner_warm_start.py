"""A base model fine-tuned on a share of the reference solutions, from which generators start (chapter: REFINER)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.refiner.generator import warm_start
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "refiner_warm_start"))
def main(run: Run, *, task: str, model: str, data: Path, base: Path, out: Path, plot: Path) -> None:
    """Train on evenly spaced reference solutions; keep the state that solves most of dev."""
    setup = RefinerSetup.load(run.params, task, model)
    train, dev = (read_jsonl(data / f"{name}.jsonl", Problem) for name in ("train", "dev"))
    result = warm_start(setup, base, train, dev, run.params.refiner_warm_start, run.work)
    folder = run.work / "model"
    write_card(folder, Card(method="refiner_warm_start", task=task, model=model, task_params=setup.task_params))
    run.publish(folder, out)
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(steps=result.steps, examples=result.examples, tokens=result.tokens)


if __name__ == "__main__":
    main()
