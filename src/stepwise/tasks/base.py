"""What a task is: problems with gold answers, how they are put to a model, and when an answer is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from stepwise.records import Example, Form, Problem, Prompt, Solution, Span, Split, Verdict


@dataclass
class Loaded:
    """Problems of a split and what loading found: rows read, rows dropped by reason."""

    problems: list[Problem]
    read: int = 0
    dropped: dict[str, int] = field(default_factory=dict)


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
        """Strings after which a completion ends even without EOS."""
        ...

    def load(self, split: Split) -> Loaded:
        """Problems of a split, validated: gold that does not check is dropped and counted with its reason."""
        ...

    def prompt(self, problem: Problem) -> Prompt:
        """What the model reads before it writes, given program header included."""
        ...

    def parse(self, text: str) -> Solution:
        """A completion as steps and the (robustly extracted) answer. Never raises on model text."""
        ...

    def check(self, problem: Problem, completions: Sequence[str]) -> list[Verdict]:
        """Verdicts of completions of one problem, in order."""
        ...

    def check_many(self, pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
        """Verdicts of many (problem, completion) pairs at once, in order; programs go to the pool together."""
        ...


def example(task: Task, problem: Problem) -> Example:
    """The training text of a problem with a reference: the prompt's pieces unlearned, the reference learned."""
    if problem.reference is None:
        raise ValueError(f"{problem.id} has no reference solution to learn from")
    pieces = tuple(Span(text=piece, weight=0.0) for piece in task.prompt(problem))
    return Example(id=problem.id, spans=(*pieces, Span(text=problem.reference.text)))
