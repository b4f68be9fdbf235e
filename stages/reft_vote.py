"""Votes over a model's stored test samples, plain and with the reranker (chapter: ReFT)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from stepwise.methods.reft import samples, voting
from stepwise.methods.reft.scorer import Scorer
from stepwise.models.classifier import load_classifier
from stepwise.records import Problem, read_jsonl, write_json, write_jsonl, write_plot
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "reft_shards", "reranker"))
def main(
    run: Run, *, method: str, task: str, model: str, problems: Path, sampled: Path, reranker: Path, out: Path,
    metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Score the samples, then compute every vote at k = 1, 2, 4 ... from them."""
    params, task_params = run.params, run.params.limits.cap(run.params.task[task])
    training = params.reranker.training
    classifier, tokenizer = load_classifier(reranker, params.model[model].dtype)
    scorer = Scorer(
        classifier,
        tokenizer,
        get_task(task, task_params, seed=params.seed),
        max_length=training.max_length,
        batch_tokens=training.batch_tokens,
    )
    predictions = samples.read(sampled, params.reft_shards)
    scores = scorer.score(read_jsonl(problems, Problem), predictions, journal=run.work / "scores.jsonl")
    ballots = voting.ballots(predictions, scores)
    points = voting.curves(ballots, seed=params.seed)
    numbers = {"problems": float(len(ballots)), **voting.flat(points)}
    write_jsonl(run.work / "votes" / "samples.jsonl", predictions)
    write_jsonl(run.work / "votes" / "scores.jsonl", scores)
    run.publish(run.work / "votes", out)
    write_json(metrics, {"method": method, "task": task, "model": model, **numbers})
    write_plot(plot, [asdict(point) for point in points])
    run.log(**numbers)


if __name__ == "__main__":
    main()
