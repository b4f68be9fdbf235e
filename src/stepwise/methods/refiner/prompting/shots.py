"""What a generator reads that was not trained on the task: solved problems, and wrong attempts put right (spec 1.13).

The examples are written by hand, one file a task, `shots/TASK.yaml`. The feedback on a wrong attempt is not in the
file: the oracle writes it, in the sentences that the critic has learned. The paper shows two demonstrations of each
class of error; its prompts are not published.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from pydantic import Field, TypeAdapter, ValidationError
from yaml import YAMLError

from stepwise.errors import StepwiseError
from stepwise.methods.refiner.dialogue import Examples
from stepwise.methods.refiner.domains.base import Domain, DomainError
from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.methods.refiner.texts import revision_prompt
from stepwise.params.base import parse_yaml
from stepwise.records import Problem, Prompt, Record, Solution
from stepwise.tasks.base import Task


class ShotsError(StepwiseError, ValueError):
    """A task without valid examples; the message names the file to write."""


class Shot(Record):
    """A problem with its solution and with wrong attempts at it."""

    question: str
    solution: str
    attempts: tuple[str, ...] = ()
    """Each has a fault; together they show the kinds of fault of the task."""
    meta: dict[str, Any] = Field(default_factory=dict)
    """What the task's domain needs besides the question."""

    def problem(self, task: str) -> Problem:
        """The question as a problem of the task."""
        reference = Solution(text=self.solution)
        return Problem(
            id="shot", task=task, split="train", question=self.question, answer="", reference=reference, meta=self.meta
        )


def examples(task: Task, domain: Domain, shots: Sequence[Shot]) -> Examples:
    """The shots as they stand before a question and before an attempt to revise."""
    solved: list[str] = []
    revised: list[str] = []
    for shot in shots:
        problem = shot.problem(task.name)
        prompt = task.prompt(problem)
        solved.append(_shown(prompt, shot))
        for attempt in shot.attempts:
            feedback = domain.templates.render(domain.oracle(problem, attempt))
            revised.append(_shown(revision_prompt(prompt, attempt, feedback), shot))
    return Examples(("".join(solved),), ("".join(revised),))


@cache
def read_shots(task: str) -> tuple[Shot, ...]:
    """The examples of a task.

    Raises ShotsError if there is no valid file, or one in which a solution is wrong or an attempt is right.
    """
    path, name = _room().joinpath(f"{task}.yaml"), f"methods/refiner/prompting/shots/{task}.yaml"
    if not path.is_file():
        raise ShotsError(
            f"a language model cannot be prompted to solve {task} without examples; write {name}, or use a task that "
            f"has them: {', '.join(tasks_with_shots())}"
        )
    try:
        shots = TypeAdapter(tuple[Shot, ...]).validate_python(parse_yaml(path.read_text(encoding="utf-8")))
    except (YAMLError, ValidationError) as error:
        raise ShotsError(f"{name} has no valid examples: {error}") from error
    check(shots, task, name)
    return shots


def check(shots: Sequence[Shot], task: str, name: str) -> None:
    """Raise ShotsError, which begins with `name`, if the oracle finds fault with a solution or none with an attempt."""
    domain = domain_of(task)
    for number, shot in enumerate(shots, 1):
        problem = shot.problem(task)
        try:
            faults = domain.oracle(problem, shot.solution)
        except DomainError as error:
            raise ShotsError(f"{name}: problem {number} cannot be judged: {error}") from error
        if faults:
            raise ShotsError(f"{name}: solution {number} is wrong: {domain.templates.render(faults)}")
        for attempt in shot.attempts:
            if not domain.oracle(problem, attempt):
                raise ShotsError(f"{name}: attempt {attempt!r} at problem {number} is right; an attempt needs a fault")


def tasks_with_shots() -> list[str]:
    """The tasks with examples."""
    return sorted(file.name.removesuffix(".yaml") for file in _room().iterdir())


def _shown(prompt: Prompt, shot: Shot) -> str:
    return f"{''.join(prompt)}{shot.solution}\n\n"


def _room() -> Traversable:
    return files("stepwise.methods.refiner.prompting").joinpath("shots")
