"""A trained model examined on a task: what every evaluating stage does, whichever method made the model."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise import evaluation
from stepwise.generation import make_backend
from stepwise.generation.base import Sampling
from stepwise.models.loading import load_model
from stepwise.records import Problem, read_jsonl, write_json, write_jsonl, write_plot
from stepwise.stage import Run
from stepwise.tasks.registry import get_task


def examine(
    run: Run, *, method: str, task: str, model: str, data: Path, trained: Path, out: Path, metrics: Path, plot: Path
) -> None:
    """Answer test problems greedily and sampled, dev problems greedily; register the model with what came out.

    Args:
        run: the stage's run; reads seed, limits, the task's and the model's parameters, backend and evaluate.
        method: what made the model; with task and model its name in the registry.
        task: name of the task.
        model: name of the base model.
        data: folder of the task's problems.
        trained: folder of the model.
        out: folder of the predictions: greedy.jsonl and samples.jsonl on test, dev.jsonl.
        metrics: flat numbers as JSON.
        plot: accuracy by difficulty as rows.
    """
    params, of_task = run.params, run.params.limits.cap(run.params.task[task])
    asked = get_task(task, of_task, seed=params.seed)
    backend = make_backend(params.backend, load=partial(load_model, trained, params.model[model].dtype))
    test = read_jsonl(data / "test.jsonl", Problem)
    longest = of_task.max_new_tokens
    greedy, samples = evaluation.evaluate(
        asked, backend, test, params.evaluate, max_new_tokens=longest, seed=params.seed, journal=run.work / "journal"
    )
    once = Sampling(max_new_tokens=longest, stop=asked.stop)
    dev = evaluation.answer(
        asked, backend, read_jsonl(data / "dev.jsonl", Problem), once, journal=run.work / "journal" / "dev.jsonl"
    )
    for name, predictions in {"greedy": greedy, "samples": samples, "dev": dev}.items():
        write_jsonl(run.work / "predictions" / f"{name}.jsonl", predictions)
    run.publish(run.work / "predictions", out)
    numbers = evaluation.summarise(greedy, samples, params.evaluate.ks)
    write_json(metrics, {"method": method, "task": task, "model": model, **numbers})
    write_plot(plot, evaluation.by_cell(greedy))
    run.log(**numbers)
    run.register(method, task, model, folder=trained, dev=evaluation.one_each(dev))
