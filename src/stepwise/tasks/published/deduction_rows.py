"""The rows of BIG-bench's logical_deduction (Apache-2.0), as a test split."""

from __future__ import annotations

import random
from collections.abc import Collection
from pathlib import Path

from pydantic import BaseModel, Field

from stepwise.params import ParamsError
from stepwise.records import Problem
from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.base import Loaded
from stepwise.tasks.published.rows import DataError, find_or_none, read_models

_NUMBERS = {"three": 3, "five": 5, "seven": 7}


class _Row(BaseModel):
    input: str
    target_scores: dict[str, float] = Field(min_length=2, max_length=len(LETTERS))


def big_bench_deductions(data: Path, count: int, seed: int, seen: Collection[int]) -> Loaded:
    """The rows as problems without a reference, in file order: `count` of them drawn by the seed, or all if it is 0.

    The right option has the score 1; the options stay in the file's order. Rows without exactly one right option are
    dropped. The files lack the rows of BIG-Bench Hard. `seen` are the numbers of objects in training.

    Raises:
        DataError: A file is missing or damaged.
        ParamsError: There are fewer rows than requested.
    """
    rows = [(name, number, row) for name in _NUMBERS for number, row in enumerate(_rows(data, name))]
    usable = [row for row in rows if list(row[2].target_scores.values()).count(1) == 1]
    if count > len(usable):
        raise ParamsError(f"task.logical_deduction.test: {count} problems requested, but the data has {len(usable)}")
    dropped = {"not exactly one right option": len(rows) - len(usable)} if len(usable) < len(rows) else {}
    if count:
        drawn = random.Random(f"{seed}/bigbench/logical_deduction").sample(range(len(usable)), count)
        usable = [usable[index] for index in sorted(drawn)]
    return Loaded([_problem(*row, seen) for row in usable], read=len(rows), dropped=dropped)


def _rows(data: Path, name: str) -> list[_Row]:
    stem = f"bigbench/logical_deduction_{name}_objects"
    path = find_or_none(data, [stem])
    if path is None:
        raise DataError(
            f"task.logical_deduction.options.test_source is bigbench, but {data} has no {stem}.jsonl.gz; "
            "set STEPWISE_DATA to the folder that has it, or test_source to generated"
        )
    return read_models(path, _Row)


def _problem(name: str, number: int, row: _Row, seen: Collection[int]) -> Problem:
    size, options = _NUMBERS[name], tuple(row.target_scores)
    return Problem(
        id=f"logical_deduction-bigbench-{name}-{number:05d}",
        task="logical_deduction",
        split="test",
        question=row.input.strip(),
        answer=LETTERS[list(row.target_scores.values()).index(1)],
        bin="seen" if size in seen else "unseen",
        difficulty=str(size),
        choices=options,
        meta={"objects": size},
    )
