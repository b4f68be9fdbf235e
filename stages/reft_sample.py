"""Stored samples of a model on test or training problems, for votes and the reranker (chapter: ReFT)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise import evaluation
from stepwise.generation import make_backend
from stepwise.generation.base import Sampling
from stepwise.methods.reft import samples
from stepwise.models.loading import load_model
from stepwise.records import Problem, read_jsonl, write_jsonl
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "sampling"))
def main(run: Run, *, split: str, shard: str, task: str, model: str, problems: Path, trained: Path, out: Path) -> None:
    """Sample a part of a split's problems, all at once or as one of several parts that together give the same rows."""
    params, of_task, how = run.params, run.params.limits.cap(run.params.task[task]), run.params.sampling
    asked = get_task(task, of_task, seed=params.seed)
    backend = make_backend(params.backend, load=partial(load_model, trained, params.model[model].dtype))
    sampling = Sampling(
        max_new_tokens=of_task.max_new_tokens,
        temperature=how.temperature,
        top_p=how.top_p,
        top_k=how.top_k,
        n=how.k,
        stop=asked.stop,
        seed=params.seed,
    )
    limit = how.train_limit if split == "train" else how.limit
    chosen = samples.blocks(evaluation.spread(read_jsonl(problems, Problem), limit), how.block, shard)
    made = run.work / "samples.jsonl"
    count = write_jsonl(made, samples.sample(asked, backend, chosen, sampling, journals=run.work / "journal"))
    run.publish(made, out)
    run.log(samples=count)


if __name__ == "__main__":
    main()
