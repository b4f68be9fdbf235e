"""ReFT without one of its parts or with another algorithm, compared with the full method (chapter: ReFT, studies)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from stepwise import evaluation
from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.reft.train import TaskSetup, train_on_task
from stepwise.models.loading import load_model
from stepwise.records import Prediction, Problem, read_jsonl, write_json, write_jsonl, write_plot
from stepwise.stage import Run, stage


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "reft", "reft_ablations"))
def main(
    run: Run, *, variant: str, task: str, model: str, data: Path, warm_up: Path, full: Path, out: Path, metrics: Path,
    plot: Path,
) -> None:  # fmt: skip
    """Train with the variant's parameters and answer the test problems greedily."""
    params = run.params
    setup = TaskSetup.load(params, task, model, data, work=run.work)
    result = train_on_task(setup, params.reft_ablations[variant].applied_to(params.reft), warm_up)
    backend = TransformersBackend(*load_model(setup.out), batch_tokens=params.backend.batch_tokens)
    greedy = Sampling(max_new_tokens=setup.task_params.max_new_tokens, stop=setup.task.stop, seed=params.seed)
    test = read_jsonl(data / "test.jsonl", Problem)
    predictions = evaluation.answer(setup.task, backend, test, greedy, journal=run.work / "greedy.jsonl")
    write_jsonl(run.work / "predictions" / "greedy.jsonl", predictions)
    run.publish(run.work / "predictions", out)
    comparison = asdict(evaluation.compare(read_jsonl(full, Prediction), predictions))
    against = {f"vs_full_{name}": comparison[name] for name in ("difference", "low", "high")}
    numbers = {**evaluation.summarise(predictions), **against, **result.spent}
    write_json(metrics, {"variant": variant, "task": task, "model": model, **numbers})
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(**numbers)


if __name__ == "__main__":
    main()
