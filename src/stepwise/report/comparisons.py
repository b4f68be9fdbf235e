"""Every method against the baselines of its task and base model, problem by problem."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from stepwise import evaluation
from stepwise.records import Prediction, read_jsonl
from stepwise.report.collecting import Row
from stepwise.report.pairs import Pair

BASELINES = ("warm_up", "sft", "continued")
"""What a method has to beat: the model it starts from, and two kinds of plain fine-tuning on the gold solutions. `sft`
takes as many optimiser steps as reinforcement learning; `continued` takes the steps, tokens and schedule of training in
rounds."""


def compare_with_baselines(
    rows: Sequence[Row], answers: Callable[[Row], Sequence[Prediction]], more: Collection[tuple[str, str]] = ()
) -> list[Pair]:
    """Paired differences between each row and the baselines among the rows.

    `answers` gives a row's greedy predictions. `more` names other pairs to compare: a method, and what it is compared
    with. An evaluation that used an oracle is compared with none, and one of some test problems not with one of all.
    Raises EvaluationError where two evaluations of the same size are of different problems.
    """
    by_name = {(row.method, row.task, row.model): row for row in rows}
    pairs = []
    for row in rows:
        against = [name for number, name in enumerate(BASELINES) if row.method not in BASELINES[: number + 1]]
        against += [name for method, name in more if method == row.method and name not in against]
        for name in against:
            start = by_name.get((name, row.task, row.model))
            if start is not None and _comparable(start.numbers, row.numbers):
                comparison = evaluation.compare(answers(start), answers(row))
                pairs.append(Pair(row.task, row.model, row.method, name, comparison))
    return pairs


def _comparable(start: Mapping[str, float], numbers: Mapping[str, float]) -> bool:
    return start.get("problems") == numbers.get("problems") and not (start.get("oracle") or numbers.get("oracle"))


def greedy(predictions: Path, row: Row) -> list[Prediction]:
    """A row's predictions below a folder of evaluations. Raises RecordError where they are missing."""
    return read_jsonl(predictions / row.method / f"{row.task}-{row.model}" / "greedy.jsonl", Prediction)
