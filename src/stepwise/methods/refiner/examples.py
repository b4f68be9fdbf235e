"""One refinement in which the critic's feedback led to the right answer, as readers see it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from stepwise.methods.refiner.domains.base import Domain
from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.records import Problem, SampledTrajectory, read_jsonl
from stepwise.report import Sources

NAMES = ("Generator", "Critic")


def refined(sources: Sources, method: str, task: str, model: str) -> str:
    """The shortest conversation in which a wrong z became the gold's, with its question.

    Empty if there is no such conversation, or a file is missing. Raises RecordError for an invalid file.
    """
    if sources.data is None or sources.predictions is None or not method:
        return ""
    trajectories = sources.predictions / method / f"{task}-{model}" / "trajectories.jsonl"
    questions = Path(sources.data, "tasks", task, "test.jsonl")
    if not trajectories.is_file() or not questions.is_file():
        return ""
    problems = {problem.id: problem for problem in read_jsonl(questions, Problem)}
    talks = [talk for talk in read_jsonl(trajectories, SampledTrajectory) if talk.problem_id in problems]
    return min(_refined(domain_of(task), talks, problems), key=len, default="")


def _refined(domain: Domain, talks: Sequence[SampledTrajectory], problems: Mapping[str, Problem]) -> Iterator[str]:
    for talk in talks:
        problem = problems[talk.problem_id]
        first, last = (talk.turns[index].solution.text for index in (0, -1))
        if len(talk.turns) > 1 and not domain.exact(problem, first) and domain.exact(problem, last):
            yield f"{problem.question}\n\n{render(talk)}"


def render(talk: SampledTrajectory) -> str:
    """A conversation with the names of its speakers."""
    lines = []
    for turn in talk.turns:
        lines.append(f"{NAMES[0]}: {turn.solution.text}")
        if turn.feedback is not None:
            lines.append(f"{NAMES[1]}:    {turn.feedback.text}")
    return "\n".join(lines)
