"""A classifier that tells right samples from wrong ones (chapter: ReFT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.reft import samples
from stepwise.methods.reft.reranker import train_reranker
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task
from stepwise.training.resumable_run import TrainSetup


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "reft_shards", "reranker"))
def main(
    run: Run, *, task: str, model: str, problems: Path, sampled: Path, start: Path, out: Path, metrics: Path, plot: Path
) -> None:
    """Train on the warm-up model's samples; keep the state that reranks held-out training problems best."""
    params, task_params = run.params, run.params.limits.cap(run.params.task[task])
    trained = train_reranker(
        start,
        get_task(task, task_params, seed=params.seed),
        read_jsonl(problems, Problem),
        samples.read(sampled, params.reft_shards),
        params.reranker,
        TrainSetup(
            seed=params.seed,
            work=run.work / "training",
            out=run.work / "model",
            learning_rate_scale=params.model[model].learning_rate_scale,
            dtype=params.model[model].dtype,
        ),
    )
    write_card(run.work / "model", Card(method="reranker", task=task, model=model, task_params=task_params))
    run.publish(run.work / "model", out)
    write_json(metrics, {"task": task, "model": model, **trained.numbers})
    write_plot(plot, trained.curve)
    run.tracked.history = trained.curve
    run.log(**trained.numbers)
    run.register("reranker", task, model, folder=out, dev=trained.dev)


if __name__ == "__main__":
    main()
