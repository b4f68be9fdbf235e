"""Self-improvement by prompting, which TriPosT is compared with (chapter: TriPosT)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise import evaluation
from stepwise.generation import make_backend
from stepwise.methods.tripost.baselines.prompting import examine, make_prompting
from stepwise.models.loading import load_model
from stepwise.records import Problem, read_jsonl, write_json, write_jsonl, write_plot
from stepwise.stage import Run, stage
from stepwise.tasks.registry import get_task


@stage(params=("seed", "limits", "task.{task}", "{family}", "backend", "{group}"))
def main(
    run: Run, *, group: str, name: str, family: str, task: str, model: str, data: Path, agent: Path, out: Path,
    metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Answer test problems with prompts that show examples; the same model attempts, verifies and updates.

    `group` is tripost_prompts for models that follow instructions (family `instruct`), or tripost_trained_prompts for
    models that were trained on the task (family `model`).
    """
    params = run.params
    prompt = next(entry for entry in getattr(params, group) if entry.name == name)
    task_params = params.limits.cap(params.task[task])
    train, test = (read_jsonl(data / f"{split}.jsonl", Problem) for split in ("train", "test"))
    prompting = make_prompting(
        prompt,
        get_task(task, task_params, seed=params.seed),
        make_backend(params.backend, load=partial(load_model, agent, getattr(params, family)[model].dtype)),
        train,
        attempt_tokens=task_params.max_new_tokens,
        # beside the work of single runs: a language model's answers outlive changes of other parameters
        answers=run.work.parent / "answers" / f"{name}-{task}-{model}.jsonl",
    )
    result = examine(prompting, evaluation.spread(test, prompt.items), journal=run.work / "attempts.jsonl")
    for file, records in {"greedy": result.predictions, "trajectories": result.trajectories}.items():
        write_jsonl(run.work / "predictions" / f"{file}.jsonl", records)
    run.publish(run.work / "predictions", out)
    write_json(metrics, {"method": name, "task": task, "model": model, **result.numbers})
    write_plot(plot, evaluation.by_cell(result.predictions))
    run.log(**result.numbers)


if __name__ == "__main__":
    main()
