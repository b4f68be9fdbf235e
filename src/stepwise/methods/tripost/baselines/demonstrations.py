"""Demonstrations of self-improvement that the model has no part in, the baseline that TriPosT is measured against.

In the paper a large language model writes everything: an attempt, feedback on it and an update. Here the attempt may
also be a reference solution with an error put into it; then a program plays all roles. Either way the errors are not
those that the model itself makes, which is the difference that the comparison is about (arXiv 2310.13522, section 4.2).
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from stepwise.records import Problem, SampledTrajectory, Solution, Step, Turn
from stepwise.tasks.base import Task

_PART = re.compile(r"(?<![\w-])-?\d+|(?<=\")[a-z][a-z'-]*(?=\")|(?<![\w])[A-Z](?![\w])|[+*<]")
"""What an error replaces: a number, a quoted word or letter, a capital letter or an operator."""
_TRIES = 20


def demonstrate(task: Task, problems: Sequence[Problem], passes: int, seed: int | str) -> Iterator[SampledTrajectory]:
    """Attempts to be edited: in every pass one of each problem that has a reference solution, with one error.

    A third of them are the reference solutions themselves, so that right attempts are demonstrated too.
    """
    for sample in range(passes):
        for problem in problems:
            if problem.reference is None:
                continue
            generator = random.Random(f"{seed}-{sample}-{problem.id}")
            solution = problem.reference
            if generator.random() >= 1 / 3:
                solution = _with_error(solution, task, generator)
            yield SampledTrajectory(problem_id=problem.id, sample=sample, turns=(Turn(solution=solution),))


def _with_error(solution: Solution, task: Task, generator: random.Random) -> Solution:
    """The solution with a part of one step replaced by another part of the same kind from anywhere in it.

    A number may also be off by one. If the solution offers no other part, it stays as it is.
    """
    for _ in range(_TRIES):
        index = generator.randrange(len(solution.steps))
        step = solution.steps[index]
        text = _changed(step.text.partition(") ")[2], solution, generator)
        if text is None:
            continue
        changed = Step(id=step.id, text=f"({step.id}) {text}")
        steps = (*solution.steps[:index], changed, *solution.steps[index + 1 :])
        return task.parse("\n".join(part.text for part in steps))
    return solution


def _changed(text: str, solution: Solution, generator: random.Random) -> str | None:
    parts = list(_PART.finditer(text))
    if not parts:
        return None
    part = generator.choice(parts)
    others = [each for step in solution.steps for each in _PART.findall(step.text) if _kind(each) == _kind(part[0])]
    if _kind(part[0]) == "number":
        others += [str(int(part[0]) + 1), str(int(part[0]) - 1)]
    others = sorted(set(others) - {part[0]})
    if not others:
        return None
    return f"{text[: part.start()]}{generator.choice(others)}{text[part.end() :]}"


def _kind(part: str) -> str:
    if part.lstrip("-").isdigit():
        return "number"
    return "operator" if part in "+*<" else "letter" if len(part) == 1 else "word"
