"""Supervised fine-tuning of a base model on a task's references (chapter: foundation)."""

from __future__ import annotations

from pathlib import Path

from stepwise import evaluation
from stepwise.models.card import Card, write_card
from stepwise.records import Problem, read_jsonl, write_plot
from stepwise.stage import Run, stage
from stepwise.tasks.base import example
from stepwise.tasks.registry import get_task
from stepwise.training import sft


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "warm_up"))
def main(run: Run, *, task: str, model: str, data: Path, base: Path, out: Path, plot: Path) -> None:
    """Train on the references of the training problems; keep the state that answers dev best."""
    params, of_model = run.params, run.params.model[model]
    of_task = params.limits.cap(of_model.warmed_up(params.task[task]))
    asked = get_task(task, of_task, seed=params.seed)
    dev = evaluation.spread(read_jsonl(data / "dev.jsonl", Problem), params.warm_up.dev_examples)
    result = sft.train(
        base,
        [example(asked, problem) for problem in read_jsonl(data / "train.jsonl", Problem)],
        params.warm_up,
        epochs=of_task.warm_up_epochs,
        seed=params.seed,
        work=run.work / "training",
        out=run.work / "model",
        evaluate=evaluation.dev_accuracy(asked, dev, of_task.max_new_tokens, params.backend.batch_tokens),
        learning_rate_scale=of_model.learning_rate_scale,
        dtype=of_model.dtype,
    )
    write_card(run.work / "model", Card(method="warm_up", task=task, model=model, task_params=of_task))
    run.publish(run.work / "model", out)
    write_plot(plot, result.curve)
    run.tracked.history = result.curve
    run.log(tokens_per_second=result.tokens_per_second, padding_share=result.padding_share, steps=result.steps)


if __name__ == "__main__":
    main()
