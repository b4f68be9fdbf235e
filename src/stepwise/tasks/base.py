"""What a task is: problems with gold answers, how they are put to a model, and when an answer is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

from pydantic import ValidationError

from stepwise.params import ParamsError, Section, TaskParams
from stepwise.records import Example, Form, Problem, Prompt, Solution, Span, Split, Verdict

S = TypeVar("S", bound=Section)


@dataclass
class Loaded:
    """The problems of a split, with the number of rows read, and of rows dropped by reason and mended by defect."""

    problems: list[Problem]
    read: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    mended: dict[str, int] = field(default_factory=dict)


@runtime_checkable
class Task(Protocol):
    """One question format with its answer checker."""

    @property
    def name(self) -> str:
        """Its key in the registry."""
        ...

    @property
    def form(self) -> Form:
        """How its solutions are written."""
        ...

    @property
    def stop(self) -> tuple[str, ...]:
        """Strings that end a completion even without EOS."""
        ...

    def load(self, split: Split) -> Loaded:
        """Validated problems of a split: a gold solution that fails the check is dropped and counted by reason."""
        ...

    def prompt(self, problem: Problem) -> Prompt:
        """What the model reads before it writes; for programs this includes the header."""
        ...

    def parse(self, text: str) -> Solution:
        """A completion as steps and the (robustly extracted) answer. Never raises on model text."""
        ...

    def check(self, problem: Problem, completions: Sequence[str]) -> list[Verdict]:
        """Verdicts on completions of one problem, in order."""
        ...

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts on many (problem, completion) pairs, in order; their programs go to the pool in one batch."""
        ...


def example(task: Task, problem: Problem) -> Example:
    """The training text of a problem that has a reference solution: loss on the solution, none on the prompt."""
    if problem.reference is None:
        raise ValueError(f"{problem.id} has no reference solution to learn from")
    pieces = tuple(Span(text=piece, weight=0.0) for piece in task.prompt(problem))
    return Example(id=problem.id, spans=(*pieces, Span(text=problem.reference.text)))


def gold_examples(task: Task, problems: Sequence[Problem]) -> list[Example]:
    """The training texts of the problems that have a reference solution. Raises ParamsError if none of them has one."""
    solved = [example(task, problem) for problem in problems if problem.reference is not None]
    if not solved:
        raise ParamsError(
            f"none of {len(problems)} problems of {task.name} has a reference solution to learn from; "
            f"raise task.{task.name}.references, or choose a task whose data has solutions"
        )
    return solved


def read_options(task: str, params: TaskParams, options: type[S]) -> S:
    """`params.options` as the task's own type. Raises ParamsError naming every unknown or invalid option."""
    try:
        return options.model_validate(params.options)
    except ValidationError as error:
        known = ", ".join(sorted(options.model_fields)) or "none"
        faults = []
        for fault in error.errors(include_url=False):
            where = ".".join(("task", task, "options", *(str(part) for part in fault["loc"])))
            unknown = fault["type"] == "extra_forbidden"
            faults.append(f"{where}: {'unknown option; known are ' + known if unknown else fault['msg']}")
        raise ParamsError("; ".join(faults)) from error
