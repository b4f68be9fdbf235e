"""All choosers on the same problems: accuracy, cost, and paired differences from two baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stepwise import evaluation
from stepwise.methods.rationalyst.inference.build import MeteredRoles
from stepwise.methods.rationalyst.inference.choosers import solve
from stepwise.methods.rationalyst.inference.state import PartialSolution
from stepwise.params.rationalyst import BASELINES, Chooser, RationalystSupervisionParams
from stepwise.records import Prediction, Problem
from stepwise.tasks.answers.numbers import states_answer
from stepwise.tasks.base import Task


@dataclass(frozen=True)
class ChooserResult:
    """How the agent did when one chooser selected its steps."""

    predictions: list[Prediction]
    numbers: dict[str, float]
    """Accuracy with its interval; calls and tokens per problem; shares left unfinished and without an answer."""


def compare(
    models: MeteredRoles, task: Task, problems: Sequence[Problem], params: RationalystSupervisionParams, *, seed: int
) -> dict[Chooser, ChooserResult]:
    """Solve the problems once with each chooser that the parameters name."""
    results = {}
    for chooser in params.choosers:
        models.reset()
        solutions = solve(chooser, problems, models.roles, task, params, seed=seed, answered=states_answer)
        predictions = check_solutions(task, solutions, params.step_end)
        numbers = evaluation.summarise(predictions)
        accuracy = {name: value for name, value in numbers.items() if name.startswith("accuracy")}
        results[chooser] = ChooserResult(predictions, {**accuracy, **_costs(models, solutions, predictions)})
    return results


def result_rows(results: dict[Chooser, ChooserResult], *, seed: int) -> list[dict[str, Any]]:
    """A row per chooser: its numbers, and its paired difference from each baseline that is among the results."""
    rows: list[dict[str, Any]] = []
    for chooser, result in results.items():
        row: dict[str, Any] = {"chooser": chooser, **result.numbers}
        for baseline in BASELINES:
            if baseline in results and baseline != chooser:
                pair = evaluation.compare(results[baseline].predictions, result.predictions, seed=seed)
                row[f"over_{baseline}"] = pair.difference
                row[f"over_{baseline}_low"], row[f"over_{baseline}_high"] = pair.low, pair.high
                row[f"over_{baseline}_p"] = pair.p_value
        rows.append(row)
    return rows


def plot_rows(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns of the result rows that the plot shows."""
    return [{key: row[key] for key in ("chooser", "accuracy", "tokens_written")} for row in rows]


def check_solutions(task: Task, solutions: Sequence[PartialSolution], step_end: str) -> list[Prediction]:
    """The solutions' texts with their verdicts."""
    texts = [step_end.join(solution.steps) for solution in solutions]
    verdicts = task.check_many([(solution.problem, text) for solution, text in zip(solutions, texts, strict=True)])
    return [
        Prediction(
            problem_id=solution.problem.id,
            text=text,
            verdict=verdict,
            bin=solution.problem.bin,
            difficulty=solution.problem.difficulty,
            tokens=solution.tokens,
            finish_reason="eos" if solution.done else "length",
        )
        for solution, text, verdict in zip(solutions, texts, verdicts, strict=True)
    ]


def _costs(
    models: MeteredRoles, solutions: Sequence[PartialSolution], predictions: Sequence[Prediction]
) -> dict[str, float]:
    """Means per problem; `stuck` and `answerless` are shares of the problems, `ungraded` is a share of the grades."""
    count, usage = len(solutions), models.usage
    numbers = {
        "problems": float(count),
        "steps": sum(len(solution.steps) for solution in solutions) / count,
        "calls": usage.calls / count,
        "tokens_read": usage.read / count,
        "tokens_written": usage.written / count,
        "stuck": sum(not solution.done for solution in solutions) / count,
        "answerless": sum(prediction.verdict.answer is None for prediction in predictions) / count,
    }
    graded, unreadable = models.roles.pop_grade_counts()
    return {**numbers, "ungraded": unreadable / graded} if graded else numbers
