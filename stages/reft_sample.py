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
    """Sample one shard of a split's problems; all shards together have the same rows as a single one."""
    params, of_sampling = run.params, run.params.sampling
    task_params = params.limits.cap(params.task[task])
    task_object = get_task(task, task_params, seed=params.seed)
    backend = make_backend(params.backend, load=partial(load_model, trained, params.model[model].dtype))
    sampling = Sampling(
        max_new_tokens=task_params.max_new_tokens,
        temperature=of_sampling.temperature,
        top_p=of_sampling.top_p,
        top_k=of_sampling.top_k,
        n=of_sampling.k,
        stop=task_object.stop,
        seed=params.seed,
    )
    limit = of_sampling.train_limit if split == "train" else of_sampling.limit
    chosen = evaluation.spread(read_jsonl(problems, Problem), limit)
    blocks = samples.blocks(chosen, of_sampling.block, shard)
    rows = samples.sample(task_object, backend, blocks, sampling, journals=run.work / "journal")
    finished = run.work / "samples.jsonl"
    count = write_jsonl(finished, rows)
    run.publish(finished, out)
    run.log(samples=count)


if __name__ == "__main__":
    main()
