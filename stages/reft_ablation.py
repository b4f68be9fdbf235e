"""ReFT without one of its parts or by another algorithm, compared with the whole (chapter: ReFT, studies)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from stepwise import evaluation
from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.reft.train import train_on_task
from stepwise.models.loading import load_model
from stepwise.records import Prediction, Problem, read_jsonl, write_json, write_jsonl, write_plot
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "reft", "reft_ablations"))
def main(
    run: Run, *, variant: str, task: str, model: str, data: Path, warm_up: Path, full: Path, out: Path, metrics: Path,
    plot: Path,
) -> None:  # fmt: skip
    """Train with the variant's parameters and answer the test problems greedily."""
    params, of_task = run.params, run.params.limits.cap(run.params.task[task])
    asked = get_task(task, of_task, seed=params.seed)
    train, dev, test = (read_jsonl(data / f"{split}.jsonl", Problem) for split in ("train", "dev", "test"))
    result = train_on_task(
        asked, train, dev, params.reft_ablations[variant].applied_to(params.reft),
        of_task=of_task, of_model=params.model[model], backend=params.backend, warm_up=warm_up, seed=params.seed,
        work=run.work / "training", out=run.work / "model",
    )  # fmt: skip
    backend = TransformersBackend(*load_model(run.work / "model"), batch_tokens=params.backend.batch_tokens)
    greedy = Sampling(max_new_tokens=of_task.max_new_tokens, stop=asked.stop, seed=params.seed)
    found = evaluation.answer(asked, backend, test, greedy, journal=run.work / "greedy.jsonl")
    write_jsonl(run.work / "predictions" / "greedy.jsonl", found)
    run.publish(run.work / "predictions", out)
    pair = asdict(evaluation.compare(read_jsonl(full, Prediction), found))
    against = {f"vs_full_{name}": pair[name] for name in ("difference", "low", "high")}
    numbers = {**evaluation.summarise(found), **against, **result.spent}
    write_json(metrics, {"variant": variant, "task": task, "model": model, **numbers})
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(**numbers)


if __name__ == "__main__":
    main()
