"""Training problems of a task as documents: the prompt, then the reference solution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Document, Problem, iterate_jsonl
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task


def solved_documents(task: Task, problems: Iterable[Problem]) -> Iterator[Document]:
    """A document for each problem that has a reference.

    `start` is where the solution begins, so that no note is written inside the question; the text before it is exactly
    the task's prompt.
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
    """The solved training problems of tasks as documents, by task.

    Args:
        names: tasks of this run.
        params: the parameters of the run's tasks.
        folder: folder of the prepared problems, `NAME/train.jsonl`.
        seed: the run's seed.

    Raises:
        ParamsError: a name that is not a task of this run.
    """
    unknown = [name for name in names if name not in params]
    if unknown:
        raise ParamsError(
            f"rationalyst_tasks names {unknown[0]}, which is not a task of this run ({', '.join(params)})"
        )
    documents = {}
    for name in names:
        problems = iterate_jsonl(folder / name / "train.jsonl", Problem)
        documents[name] = solved_documents(get_task(name, params[name], seed=seed), problems)
    return documents
