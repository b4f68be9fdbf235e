"""Evaluates a trained model on test, and on dev for later choices (chapter: foundation)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise import evaluation
from stepwise.generation import make_backend
from stepwise.generation.base import Sampling
from stepwise.models.loading import load_model
from stepwise.records import Problem, read_jsonl, write_json, write_jsonl, write_plot
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=("seed", "limits", "task.{task}", "model.{model}", "backend", "evaluate"))
def main(
    run: Run, *, method: str, task: str, model: str, data: Path, trained: Path, out: Path, metrics: Path, plot: Path
) -> None:
    """Answer test problems greedily and sampled, dev problems greedily; register the model with its results."""
    params, task_params, journal = run.params, run.params.limits.cap(run.params.task[task]), run.work / "journal"
    solved_task = get_task(task, task_params, seed=params.seed)
    backend = make_backend(params.backend, load=partial(load_model, trained, params.model[model].dtype))
    test, dev = (read_jsonl(data / f"{split}.jsonl", Problem) for split in ("test", "dev"))
    greedy, samples = evaluation.evaluate(
        solved_task, backend, test, params.evaluate,
        max_new_tokens=task_params.max_new_tokens, seed=params.seed, journal=journal,
    )  # fmt: skip
    sampling = Sampling(max_new_tokens=task_params.max_new_tokens, stop=solved_task.stop)
    dev_greedy = evaluation.answer(solved_task, backend, dev, sampling, journal=journal / "dev.jsonl")
    for name, predictions in {"greedy": greedy, "samples": samples, "dev": dev_greedy}.items():
        write_jsonl(run.work / "predictions" / f"{name}.jsonl", predictions)
    run.publish(run.work / "predictions", out)
    numbers = evaluation.summarise(greedy, samples, params.evaluate.ks)
    write_json(metrics, {"method": method, "task": task, "model": model, **numbers})
    write_plot(plot, evaluation.by_cell(greedy))
    run.log(**numbers)
    run.register(method, task, model, folder=trained, dev=evaluation.correct_by_problem(dev_greedy))


if __name__ == "__main__":
    main()
