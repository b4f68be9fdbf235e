"""Evaluates models that improve their own answers, and their baselines (chapter: TriPosT)."""

from __future__ import annotations

from pathlib import Path

from stepwise import evaluation
from stepwise.methods.tripost.examining import examine
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.records import Problem, read_jsonl, write_json, write_jsonl, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "tripost_inference"))
def main(
    run: Run, *, method: str, task: str, model: str, data: Path, trained: Path, out: Path, metrics: Path, plot: Path
) -> None:
    """Answer test and dev problems greedily, with the model's own updates; register the model with its results."""
    setup = TripostSetup.load(run.params, task, model)
    test, dev = (read_jsonl(data / f"{split}.jsonl", Problem) for split in ("test", "dev"))
    result = examine(setup, method, trained, test, journal=run.work / "journal")
    dev_result = examine(setup, method, trained, dev, journal=run.work / "journal")
    for name, records in {
        "greedy": result.predictions,
        "trajectories": result.trajectories,
        "dev": dev_result.predictions,
    }.items():
        write_jsonl(run.work / "predictions" / f"{name}.jsonl", records)
    run.publish(run.work / "predictions", out)
    write_json(metrics, {"method": method, "task": task, "model": model, **result.numbers})
    write_plot(plot, evaluation.by_cell(result.predictions))
    run.log(**result.numbers)
    run.register(method, task, model, folder=trained, dev=evaluation.correct_by_problem(dev_result.predictions))


if __name__ == "__main__":
    main()
