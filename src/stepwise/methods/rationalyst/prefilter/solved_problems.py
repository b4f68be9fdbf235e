"""Training problems of a task as documents: what the model reads, then the reference solution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Document, Problem, iterate_jsonl
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task


def solved(task: Task, problems: Iterable[Problem]) -> Iterator[Document]:
    """A document for each problem that has a reference.

    `start` is where the solution begins, so that no rationale is written inside the question; the text before it is the
    very prompt that the task puts to a model.
    """
    for problem in problems:
        if problem.reference is not None:
            prompt = "".join(task.prompt(problem))
            yield Document(
                id=problem.id,
                source=task.name,
                text=prompt + problem.reference.text,
                answer=problem.answer,
                start=len(prompt),
            )


def solved_problems(
    names: Sequence[str], params: Mapping[str, TaskParams], folder: Path, *, seed: int
) -> dict[str, Iterator[Document]]:
    """The solved training problems of tasks, by task.

    Args:
        names: tasks of this run.
        params: the run's tasks.
        folder: where their prepared problems are, `NAME/train.jsonl`.
        seed: the run's.

    Raises:
        ParamsError: a name that is no task of this run.
    """
    unknown = [name for name in names if name not in params]
    if unknown:
        raise ParamsError(f"rationalyst_tasks names {unknown[0]}, which is no task of this run ({', '.join(params)})")
    return {
        name: solved(get_task(name, params[name], seed=seed), iterate_jsonl(folder / name / "train.jsonl", Problem))
        for name in names
    }
