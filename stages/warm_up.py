"""Supervised fine-tuning of a base model on a task's reference solutions (chapter: foundation)."""

from __future__ import annotations

from pathlib import Path

from stepwise import evaluation
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_plot
from stepwise.stage import Run, stage
from stepwise.tasks.base import gold_examples
from stepwise.tasks.registry import get_task
from stepwise.training import sft


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "warm_up"))
def main(run: Run, *, task: str, model: str, data: Path, base: Path, out: Path, plot: Path) -> None:
    """Train on the reference solutions of the training problems; keep the state that answers dev best."""
    params, model_params = run.params, run.params.model[model]
    task_params = params.limits.cap(model_params.warmed_up(params.task[task]))
    task_object = get_task(task, task_params, seed=params.seed)
    dev = evaluation.spread(read_jsonl(data / "dev.jsonl", Problem), params.warm_up.dev_examples)
    result = sft.train(
        base,
        gold_examples(task_object, read_jsonl(data / "train.jsonl", Problem)),
        params.warm_up,
        sft.TrainSetup(
            seed=params.seed,
            work=run.work / "training",
            out=run.work / "model",
            evaluate=evaluation.dev_accuracy(task_object, dev, task_params.max_new_tokens, params.backend.batch_tokens),
            learning_rate_scale=model_params.learning_rate_scale,
            dtype=model_params.dtype,
        ),
        epochs=task_params.warm_up_epochs,
    )
    write_card(run.work / "model", Card(method="warm_up", task=task, model=model, task_params=task_params))
    run.publish(run.work / "model", out)
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(tokens_per_second=result.tokens_per_second, padding_share=result.padding_share, steps=result.steps)


if __name__ == "__main__":
    main()
