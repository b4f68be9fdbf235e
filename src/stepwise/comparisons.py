"""Every method against the baselines of its task and base model, problem by problem."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stepwise import evaluation
from stepwise.records import Prediction, read_jsonl
from stepwise.report import Row
from stepwise.report_pairs import Pair

BASELINES = ("warm_up", "sft")
"""What a method has to beat: where it started, and as much plain fine-tuning as it had itself."""


def compare_with_baselines(predictions: Path, rows: Sequence[Row]) -> list[Pair]:
    """Paired differences of the greedy answers below `predictions`, METHOD/TASK-MODEL/greedy.jsonl each.

    Raises RecordError for a missing file and EvaluationError where two evaluations have other problems.
    """
    pairs = []
    for row in rows:
        for baseline in BASELINES:
            there = any((one.method, one.task, one.model) == (baseline, row.task, row.model) for one in rows)
            if there and row.method not in BASELINES[: BASELINES.index(baseline) + 1]:
                first, second = (_greedy(predictions, method, row) for method in (baseline, row.method))
                found = evaluation.compare(first, second)
                pairs.append(Pair(row.task, row.model, row.method, baseline, found))
    return pairs


def _greedy(predictions: Path, method: str, row: Row) -> list[Prediction]:
    return read_jsonl(predictions / method / f"{row.task}-{row.model}" / "greedy.jsonl", Prediction)
