"""Every method against the baselines of its task and base model, problem by problem."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from stepwise import evaluation
from stepwise.records import Prediction, read_jsonl
from stepwise.report.collecting import Row
from stepwise.report.pairs import Pair

BASELINES = ("warm_up", "sft")
"""What a method has to beat: the model it starts from, and plain fine-tuning for as many optimiser steps."""


def compare_with_baselines(rows: Sequence[Row], answers: Callable[[Row], Sequence[Prediction]]) -> list[Pair]:
    """Paired differences between each row and the baselines among the rows.

    `answers` gives a row's greedy predictions. Raises EvaluationError where two evaluations are of different problems.
    """
    by_name = {(row.method, row.task, row.model): row for row in rows}
    pairs = []
    for row in rows:
        for number, baseline in enumerate(BASELINES):
            start = by_name.get((baseline, row.task, row.model))
            if start is not None and row.method not in BASELINES[: number + 1]:
                comparison = evaluation.compare(answers(start), answers(row))
                pairs.append(Pair(row.task, row.model, row.method, baseline, comparison))
    return pairs


def greedy(predictions: Path, row: Row) -> list[Prediction]:
    """A row's predictions below a folder of evaluations. Raises RecordError where they are missing."""
    return read_jsonl(predictions / row.method / f"{row.task}-{row.model}" / "greedy.jsonl", Prediction)
