"""A round's second part: others correct what the model wrote, trajectory by trajectory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from stepwise.methods.tripost.editing import Edited, Outcome, Reason, Teacher
from stepwise.methods.tripost.roles import Improver, Verifier
from stepwise.methods.tripost.rounds.breadth_first import edit_many
from stepwise.methods.tripost.rounds.plausible import plausible
from stepwise.methods.tripost.transcript import UNREADABLE, Fault, is_positive
from stepwise.records import EditedTrajectory, Problem, SampledTrajectory, Solution, Trajectory
from stepwise.tasks.base import Task


@dataclass(frozen=True)
class Editor:
    """Who corrects the trajectories of a task."""

    task: Task
    verifier: Verifier
    improver: Improver
    max_updates: int
    judge_right_answers: bool = False
    """Whether an attempt with the right answer is also shown to the verifier, and is wrong if that finds an error."""

    def edit(self, pairs: Sequence[tuple[Problem, SampledTrajectory]]) -> list[EditedTrajectory]:
        """Each trajectory edited, or rejected with the reason, in order.

        Of a text that cannot be read to its end, what can be read of it is edited.
        """
        readable = [(problem, sampled) for problem, sampled in pairs if sampled.turns]
        results = iter(
            edit_many(
                (Trajectory(problem_id=problem.id, turns=sampled.turns), self._teacher(problem))
                for problem, sampled in readable
            )
        )
        edited: list[EditedTrajectory] = []
        for problem, sampled in pairs:
            written = Trajectory(problem_id=problem.id, turns=sampled.turns)
            result = next(results) if sampled.turns else None
            if isinstance(result, Edited):
                edited.append(
                    EditedTrajectory(trajectory=result.trajectory, sample=sampled.sample, outcome=result.outcome)
                )
            else:
                reason = result.reason if result else f"{UNREADABLE}_{sampled.fault or 'empty'}"
                edited.append(EditedTrajectory(trajectory=written, sample=sampled.sample, rejected=reason))
        return edited

    def _teacher(self, problem: Problem) -> Teacher:
        return Teacher(problem, self.verifier, self.improver, self._correct(problem), self.max_updates)

    def _correct(self, problem: Problem) -> Callable[[Solution], bool]:
        def correct(solution: Solution) -> bool:
            if not self.task.check(problem, [solution.text])[0].correct or not plausible(problem, solution):
                return False
            if not self.judge_right_answers:
                return True
            verdict = self.verifier.verify(problem, solution)
            return verdict is not None and is_positive(verdict)

        return correct


def edit_passes(
    sampled: Sequence[SampledTrajectory], problems: Mapping[str, Problem], editor: Editor, most_rows: int = 0
) -> list[EditedTrajectory]:
    """Edit pass by pass until there are `most_rows` rows to learn from, or all if that is 0; copies count once.

    A trajectory with n turns makes n rows. Texts of which nothing could be read are copies if they are the same.
    """
    passes: dict[int, list[SampledTrajectory]] = {}
    for trajectory in sampled:
        passes.setdefault(trajectory.sample, []).append(trajectory)
    edited: list[EditedTrajectory] = []
    seen: set[str] = set()
    rows = 0
    for number in sorted(passes):
        if most_rows and rows >= most_rows:
            break
        pairs = [(problems[trajectory.problem_id], trajectory) for trajectory in passes[number]]
        for (_, trajectory), result in zip(pairs, editor.edit(pairs), strict=True):
            text = result.trajectory.model_dump_json() + ("" if trajectory.turns else trajectory.unreadable)
            if text in seen:
                continue
            seen.add(text)
            edited.append(result)
            rows += len(result.trajectory.turns) if result.outcome else 0
    return edited


def counts(sampled: int, edited: Iterable[EditedTrajectory]) -> dict[str, float]:
    """Flat metrics: trajectories, different ones among them, and what became of these by outcome or reason."""
    results = list(edited)
    outcomes = Counter(result.outcome or f"rejected_{result.rejected}" for result in results)
    names = (*get_args(Outcome), *(f"rejected_{reason}" for reason in get_args(Reason)))
    unreadable = tuple(f"rejected_{UNREADABLE}_{fault}" for fault in get_args(Fault))
    metrics = {"sampled": float(sampled), "distinct": float(len(results))}
    metrics["kept"] = float(sum(bool(result.outcome) for result in results))
    return metrics | {name: float(outcomes[name]) for name in (*names, *unreadable)}
