"""One trajectory in which a model put its own answer right, as readers see it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from stepwise.methods.tripost.transcript import read_lead_in, render
from stepwise.params import TaskParams
from stepwise.records import Problem, SampledTrajectory, Trajectory, read_jsonl
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task


def corrected(trajectories: Path, problems: Path, task: str) -> str:
    """The shortest trajectory that goes from a wrong first attempt to a right answer, with its prompt.

    Empty if there is no such trajectory, or one of the files is missing. Raises RecordError for an invalid file.
    """
    if not trajectories.is_file() or not problems.is_file():
        return ""
    by_id = {problem.id: problem for problem in read_jsonl(problems, Problem)}
    solved_task = get_task(task, TaskParams(form="scripted"), seed=0)
    written = read_jsonl(trajectories, SampledTrajectory)
    texts = _corrected(solved_task, [(by_id[each.problem_id], each) for each in written if each.problem_id in by_id])
    return min(texts, key=len, default="")


def _corrected(task: Task, pairs: list[tuple[Problem, SampledTrajectory]]) -> Iterator[str]:
    for problem, sampled in pairs:
        if len(sampled.turns) < 2:
            continue
        first, last = task.check(problem, [sampled.turns[index].solution.text for index in (0, -1)])
        if last.correct and not first.correct:
            prompt = task.prompt(problem)
            trajectory = Trajectory(problem_id=problem.id, turns=sampled.turns)
            yield "".join(prompt) + render(trajectory, read_lead_in(prompt))
