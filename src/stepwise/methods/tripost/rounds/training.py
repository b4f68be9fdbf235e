"""A round's third part: training on what was edited. Baselines take the same steps and tokens on rows of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwise import evaluation
from stepwise.errors import StepwiseError
from stepwise.methods.tripost.replay import Mix, Row, Weighting, cut_rows, gold_row, mix
from stepwise.methods.tripost.setup import TripostSetup, answers
from stepwise.models.loading import load_tokenizer
from stepwise.params import SftParams
from stepwise.params.tripost import TripostTraining
from stepwise.records import EditedTrajectory, Example, Problem
from stepwise.tokens import encode_many
from stepwise.training import sft


class RoundError(StepwiseError, ValueError):
    """A round that cannot be trained; the message names the reason and the remedy."""


@dataclass(frozen=True)
class Leg:
    """Optimiser steps and real tokens of one round's training; a baseline takes the same."""

    steps: int
    tokens: int


def make_rows(
    edited: Sequence[EditedTrajectory],
    earlier: Sequence[EditedTrajectory],
    problems: Sequence[Problem],
    setup: TripostSetup,
    params: TripostTraining,
    *,
    name: str,
    least: int = 0,
) -> Mix:
    """The rows of a round: its own trajectories, those of earlier rounds, and gold solutions of `problems`.

    A round without any trajectory learns the gold solutions. Raises RoundError for fewer than `least` rows.
    """
    weighting = Weighting(feedback=params.feedback_weight, answer_only=params.answer_only)
    by_id = {problem.id: problem for problem in problems}

    def rows(trajectories: Sequence[EditedTrajectory]) -> list[Row]:
        return [
            row
            for result in trajectories
            if result.outcome and result.trajectory.problem_id in by_id
            for row in cut_rows(result.trajectory, setup.task.prompt(by_id[result.trajectory.problem_id]), weighting)
        ]

    gold = [gold_row(problem, setup.task.prompt(problem), weighting) for problem in problems if problem.reference]
    mixed = mix(rows(edited), gold, ratio=params.ratio, seed=f"{setup.seed}-{name}", earlier=rows(earlier))
    if len(mixed.rows) < least:
        key = f"tripost_edit.limits.{setup.task.name}.least"
        raise RoundError(
            f"{name} has {len(mixed.rows)} rows to learn from, fewer than {key} = {least}; "
            "collect more (tripost_collect.passes), edit with another verifier or improver, or lower the limit"
        )
    if mixed.rows:
        return mixed
    count = float(len(gold))
    return Mix(tuple(gold), {**mixed.metrics, "rows": count, "rows_gold": count})


def train_leg(
    start: Path, examples: Sequence[Example], params: TripostTraining, training: sft.TrainSetup
) -> sft.SftResult:
    """Train a model on a round's rows for `params.epochs`."""
    return sft.train(start, examples, params.fine_tuning, training, epochs=params.epochs)


def train_like(
    leg: Leg, start: Path, examples: Sequence[Example], params: TripostTraining, training: sft.TrainSetup
) -> sft.SftResult:
    """Train on other examples with the steps, the schedule and on average the tokens a step of a round."""
    tokenizer = load_tokenizer(start)
    lengths = [len(ids) for ids in encode_many(tokenizer, [[span.text for span in row.spans] for row in examples])]
    batch = max(1, round(leg.tokens / leg.steps / (1 + sum(lengths) / len(lengths))))  # 1 for EOS
    tuning = params.fine_tuning.model_copy(update={"batch_examples": batch})
    return sft.train(start, examples, tuning, training, steps=leg.steps)


def read_legs(folder: Path) -> list[Leg]:
    """Steps and tokens of TriPosT's rounds from the metrics in a folder, in the order of their numbers.

    A round that starts from a model that has stopped trains nothing and has none. Raises RoundError if no round was
    trained.
    """
    rounds = [json.loads(path.read_text(encoding="utf-8")) for path in folder.glob("*.json")]
    trained = [numbers for numbers in sorted(rounds, key=lambda numbers: numbers["number"]) if numbers.get("steps")]
    if not trained:
        raise RoundError(f"{folder} has no metrics of a trained round; run `tripost_train` first")
    return [Leg(int(numbers["steps"]), int(numbers["tokens"])) for numbers in trained]


def training_setup(
    setup: TripostSetup, tuning: SftParams, dev: Sequence[Problem], *, number: int, work: Path
) -> sft.TrainSetup:
    """How a model of round `number` is trained: the state that answers dev best is kept, with its own updates."""
    return sft.TrainSetup(
        seed=setup.seed + number,
        work=work / "training",
        out=work / "model",
        evaluate=setup.dev_accuracy(evaluation.spread(dev, tuning.dev_examples)),
        learning_rate_scale=setup.model_params.learning_rate_scale,
        dtype=setup.model_params.dtype,
    )


def goes_further(setup: TripostSetup, start: Path, trained: Path, dev: Sequence[Problem], rule: str) -> bool:
    """Whether the stopping rule lets the trained model replace the one that it started from."""
    if rule == "never":
        return True
    before, after = (
        answers(setup.task, setup.converse(setup.make_backend(folder), dev, setup.sampling()))
        for folder in (start, trained)
    )
    comparison = evaluation.compare(before, after, seed=setup.seed)
    return comparison.high >= 0 if rule == "worse" else comparison.low > 0
