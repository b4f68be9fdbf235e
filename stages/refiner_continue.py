"""The warm start fine-tuned on all references with the steps and tokens of REFINER's training (chapter: REFINER)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.refiner.generator import Budget, continued
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "refiner_train"))
def main(
    run: Run, *, task: str, model: str, data: Path, start: Path, budget: Path, out: Path, metrics: Path, plot: Path
) -> None:
    """Train on reference solutions alone; keep the state that solves most of dev."""
    setup, params = RefinerSetup.load(run.params, task, model), run.params.refiner_train
    train, dev = (read_jsonl(data / f"{name}.jsonl", Problem) for name in ("train", "dev"))
    result = continued(setup, start, train, dev, params, Budget.read(budget), run.work)
    folder = run.work / "model"
    write_card(folder, Card(method="refiner_continued", task=task, model=model, task_params=setup.task_params))
    run.publish(folder, out)
    numbers = {"steps": result.steps, "tokens": result.tokens, "problems": result.examples}
    write_json(metrics, {"method": "refiner_continued", "task": task, "model": model, **numbers})
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(**numbers)


if __name__ == "__main__":
    main()
