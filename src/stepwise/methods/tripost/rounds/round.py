"""A round's training as a whole: rows, training, the stopping rule, and what the next round starts from."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stepwise.methods.tripost.rounds.handover import has_stopped, mark_stopped, read_experience, write_experience
from stepwise.methods.tripost.rounds.training import goes_further, make_rows, train_leg, training_setup
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.params.tripost import TripostTraining
from stepwise.records import EditedTrajectory, Problem


@dataclass(frozen=True, kw_only=True)
class Round:
    """A round of TriPosT on a task."""

    name: str
    number: int
    """From 1."""
    setup: TripostSetup
    train: Sequence[Problem]
    dev: Sequence[Problem]
    params: TripostTraining
    least_rows: int
    work: Path


@dataclass(frozen=True)
class RoundResult:
    """What a round did: the folder of its model, flat metrics, and its learning curve."""

    model: Path
    numbers: dict[str, float]
    curve: list[dict[str, float]] = field(default_factory=list)


def train_round(this: Round, start: Path, edited: Sequence[EditedTrajectory]) -> RoundResult:
    """Train the start model on edited trajectories and gold solutions of the same problems.

    If the start has stopped, or the stopping rule says so, the result is the start model again.

    Raises:
        RoundError: there are too few rows.
        TrainingError: no row fits into the model, or the loss is not a finite number.
    """
    if has_stopped(start):
        return _unchanged(this, start, {"stopped": 1.0})
    earlier = read_experience(start) if this.params.replay else []
    ids = {result.trajectory.problem_id for result in (*edited, *earlier)}
    problems = [problem for problem in this.train if problem.id in ids]
    mixed = make_rows(edited, earlier, problems, this.setup, this.params, name=this.name, least=this.least_rows)
    training = training_setup(this.setup, this.params.fine_tuning, this.dev, number=this.number, work=this.work)
    result = train_leg(start, [row.example for row in mixed.rows], this.params, training)
    numbers = {
        **mixed.metrics,
        "steps": float(result.steps),
        "tokens": float(result.tokens),
        "padding_share": result.padding_share,
        "rows_left_out": float(sum(result.left_out.values())),
        "stopped": 0.0,
    }
    if result.best_score is not None:
        numbers["best_dev_score"] = result.best_score
    if not goes_further(this.setup, start, training.out, this.dev, this.params.stop):
        return _unchanged(this, start, {**numbers, "stopped": 1.0})
    write_experience(training.out, [*earlier, *(result for result in edited if result.outcome)])
    return RoundResult(training.out, numbers, result.curve)


def _unchanged(this: Round, start: Path, numbers: dict[str, float]) -> RoundResult:
    """The start model once more, marked as stopped."""
    folder = this.work / "unchanged"
    shutil.copytree(start, folder, dirs_exist_ok=True)
    if not has_stopped(folder):
        mark_stopped(folder, this.name)
    return RoundResult(folder, numbers)
