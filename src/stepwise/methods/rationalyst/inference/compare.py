"""The ways of choosing steps on the same problems: accuracy, cost, and paired differences from two of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stepwise import evaluation
from stepwise.methods.rationalyst.inference.build import Assembled
from stepwise.methods.rationalyst.inference.choosers import solve
from stepwise.methods.rationalyst.inference.state import Attempt
from stepwise.params.rationalyst import AGAINST, Chooser, RationalystSupervisionParams
from stepwise.records import Prediction, Problem
from stepwise.tasks.answers.numbers import states_answer
from stepwise.tasks.base import Task


@dataclass(frozen=True)
class Outcome:
    """What one way of choosing did."""

    predictions: list[Prediction]
    numbers: dict[str, float]
    """Accuracy with interval; calls, tokens read and written a problem; shares without end and without answer."""


def compare(
    models: Assembled, task: Task, problems: Sequence[Problem], params: RationalystSupervisionParams, *, seed: int
) -> dict[Chooser, Outcome]:
    """Let every way of the parameters choose the agent's steps on the problems."""
    found = {}
    for chooser in params.choosers:
        models.reset()
        attempts = solve(chooser, problems, models.roles, task, params, seed=seed, answered=states_answer)
        predictions = checked(task, attempts, params.step_end)
        numbers = evaluation.summarise(predictions)
        kept = {name: value for name, value in numbers.items() if name.startswith("accuracy")}
        found[chooser] = Outcome(predictions, {**kept, **_costs(models, attempts, predictions)})
    return found


def tabulate(outcomes: dict[Chooser, Outcome], *, seed: int) -> list[dict[str, Any]]:
    """A row a way: its numbers and its paired differences from those of AGAINST that are among the outcomes."""
    rows: list[dict[str, Any]] = []
    for chooser, outcome in outcomes.items():
        row: dict[str, Any] = {"chooser": chooser, **outcome.numbers}
        for baseline in AGAINST:
            if baseline in outcomes and baseline != chooser:
                pair = evaluation.compare(outcomes[baseline].predictions, outcome.predictions, seed=seed)
                row[f"over_{baseline}"] = pair.difference
                row[f"over_{baseline}_low"], row[f"over_{baseline}_high"] = pair.low, pair.high
                row[f"over_{baseline}_p"] = pair.p_value
        rows.append(row)
    return rows


def bars(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a plot shows of a table's rows."""
    return [{key: row[key] for key in ("chooser", "accuracy", "tokens_written")} for row in rows]


def checked(task: Task, attempts: Sequence[Attempt], step_end: str) -> list[Prediction]:
    """The attempts' solutions, checked."""
    replies = [step_end.join(one.steps) for one in attempts]
    verdicts = task.check_many([(one.problem, reply) for one, reply in zip(attempts, replies, strict=True)])
    return [
        Prediction(
            problem_id=one.problem.id,
            text=reply,
            verdict=verdict,
            bin=one.problem.bin,
            difficulty=one.problem.difficulty,
            tokens=one.tokens,
            finish_reason="eos" if one.done else "length",
        )
        for one, reply, verdict in zip(attempts, replies, verdicts, strict=True)
    ]


def _costs(models: Assembled, attempts: Sequence[Attempt], predictions: Sequence[Prediction]) -> dict[str, float]:
    """Means a problem, but shares of the problems for `stuck` and `answerless`, of the grades for `ungraded`."""
    count, usage = len(attempts), models.usage
    numbers = {
        "problems": float(count),
        "steps": sum(len(one.steps) for one in attempts) / count,
        "calls": usage.calls / count,
        "tokens_read": usage.read / count,
        "tokens_written": usage.written / count,
        "stuck": sum(not one.done for one in attempts) / count,
        "answerless": sum(one.verdict.answer is None for one in predictions) / count,
    }
    graded, unreadable = models.roles.take_grades()
    return {**numbers, "ungraded": unreadable / graded} if graded else numbers
