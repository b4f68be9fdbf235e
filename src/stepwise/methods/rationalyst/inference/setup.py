"""A run's contest: its test problems, and the models that solve them in every way of choosing steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwise.evaluation import spread
from stepwise.methods.rationalyst.inference.build import Assembled, assemble
from stepwise.methods.rationalyst.inference.compare import Outcome, compare
from stepwise.params import Params, RationalystContest, RationalystSupervisionParams
from stepwise.params.rationalyst import Chooser
from stepwise.records import Problem, read_jsonl
from stepwise.tasks.base import Task
from stepwise.tasks.published.few_shot import hand_written_shots
from stepwise.tasks.registry import get_task


@dataclass(frozen=True)
class Contest:
    """What is asked, who answers, and in which ways."""

    task: Task
    problems: list[Problem]
    models: Assembled
    supervision: RationalystSupervisionParams
    seed: int

    def hold(self) -> dict[Chooser, Outcome]:
        """Let every way choose the agent's steps."""
        return compare(self.models, self.task, self.problems, self.supervision, seed=self.seed)


def prepare(
    params: Params,
    run: RationalystContest,
    folders: dict[str, Path],
    *,
    task: str,
    data: Path,
    work: Path,
    only: Chooser | None = None,
) -> Contest:
    """The contest of a run.

    Args:
        params: seed, limits, the task's parameters, backend and rationalyst_supervision are read.
        run: how many test problems are solved, how many solved ones the agent is shown.
        folders: the models by role.
        task: name of the task.
        data: folder of the task's problems; train.jsonl is read only for problems to show, where none are written.
        work: takes the journals.
        only: the one way of choosing steps; without it all that the parameters name.
    """
    asked = get_task(task, params.limits.cap(params.task[task]), seed=params.seed)
    supervision = params.rationalyst_supervision
    if only is not None:
        supervision = supervision.model_copy(update={"choosers": (only,)})
    shown = _shown(asked, data / "train.jsonl", run.shots, params.seed)
    models = assemble(folders, run, supervision, params.backend, task=asked, shown=shown, seed=params.seed, work=work)
    problems = spread(read_jsonl(data / "test.jsonl", Problem), run.items)
    return Contest(asked, problems, models, supervision, params.seed)


def _shown(task: Task, train: Path, count: int, seed: int) -> Callable[[Problem], Sequence[Problem]]:
    """What the agent reads before a problem: hand-written examples, of its field first, or training problems."""
    if not count:
        return lambda _: ()
    if written := hand_written_shots(task, count, seed):
        return written
    chosen = spread(read_jsonl(train, Problem), count)
    return lambda _: chosen
