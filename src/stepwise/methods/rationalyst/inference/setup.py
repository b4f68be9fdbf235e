"""A comparison of choosers, ready to run: the test problems, and the models of every role."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwise.evaluation import spread
from stepwise.methods.rationalyst.inference.build import MeteredRoles, RoleContext, build_roles
from stepwise.methods.rationalyst.inference.compare import ChooserResult, compare
from stepwise.params import Params
from stepwise.params.rationalyst import Chooser, RationalystSetup, RationalystSupervisionParams
from stepwise.records import Problem, read_jsonl
from stepwise.tasks.base import Task
from stepwise.tasks.published.few_shot import hand_written_shots
from stepwise.tasks.registry import get_task


@dataclass(frozen=True)
class Comparison:
    """The problems, the models that solve them, and the choosers to compare."""

    task: Task
    problems: list[Problem]
    models: MeteredRoles
    supervision: RationalystSupervisionParams
    seed: int

    def run(self) -> dict[Chooser, ChooserResult]:
        """Solve the problems once with each chooser."""
        return compare(self.models, self.task, self.problems, self.supervision, seed=self.seed)


def prepare(
    params: Params,
    setup: RationalystSetup,
    folders: dict[str, Path],
    *,
    task: str,
    data: Path,
    work: Path,
    only: Chooser | None = None,
) -> Comparison:
    """Load the models and the problems of a setup.

    Args:
        params: seed, limits, the task's parameters, backend and rationalyst_supervision are read.
        setup: how many test problems are solved, and how many solved problems the agent is shown.
        folders: the models by role.
        task: name of the task.
        data: folder of the task's problems; train.jsonl is read only if the task has no hand-written examples.
        work: folder for the journals.
        only: the one chooser to run; by default all that the parameters name.
    """
    solved_task = get_task(task, params.limits.cap(params.task[task]), seed=params.seed)
    supervision = params.rationalyst_supervision
    if only is not None:
        supervision = supervision.model_copy(update={"choosers": (only,)})
    shots = _shots(solved_task, data / "train.jsonl", setup.shots, params.seed)
    context = RoleContext(solved_task, shots, params.seed, work)
    models = build_roles(folders, setup, supervision, params.backend, context)
    problems = spread(read_jsonl(data / "test.jsonl", Problem), setup.items)
    return Comparison(solved_task, problems, models, supervision, params.seed)


def _shots(task: Task, train: Path, count: int, seed: int) -> Callable[[Problem], Sequence[Problem]]:
    """The agent's few-shot examples for a problem: hand-written (same field first) or training problems."""
    if not count:
        return lambda _: ()
    if hand_written := hand_written_shots(task, count, seed):
        return hand_written
    examples = spread(read_jsonl(train, Problem), count)
    return lambda _: examples
