"""The rows of BIG-bench's date_understanding (Apache-2.0), as a test split."""

from __future__ import annotations

import random
from pathlib import Path

from pydantic import BaseModel, Field

from stepwise.params import ParamsError
from stepwise.records import Problem
from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.base import Loaded
from stepwise.tasks.published.rows import DataError, find_or_none, read_models

_FILE = "bigbench/date_understanding"


class _Row(BaseModel):
    input: str
    target_scores: dict[str, float] = Field(min_length=2, max_length=len(LETTERS))


def big_bench_dates(data: Path, count: int, seed: int) -> Loaded:
    """The rows as problems without a reference, in file order: `count` of them drawn by the seed, or all if it is 0.

    The right option has the score 1; the file lists it first, so the options are shuffled by the seed. Rows without
    exactly one right option are dropped. The file lacks the rows of BIG-Bench Hard.

    Raises:
        DataError: The file is missing or damaged.
        ParamsError: It has fewer rows than requested.
    """
    path = find_or_none(data, [_FILE])
    if path is None:
        raise DataError(
            f"task.date_understanding.options.test_source is bigbench, but {data} has no {_FILE}.jsonl.gz; "
            "set STEPWISE_DATA to the folder that has it, or test_source to generated"
        )
    rows = read_models(path, _Row)
    numbers = [number for number, row in enumerate(rows) if list(row.target_scores.values()).count(1) == 1]
    if count > len(numbers):
        raise ParamsError(f"task.date_understanding.test: {count} problems requested, but the data has {len(numbers)}")
    drawn = sorted(random.Random(f"{seed}/{_FILE}").sample(numbers, count)) if count else numbers
    problems = [_problem(rows[number], number, seed) for number in drawn]
    dropped = {"not exactly one right option": len(rows) - len(numbers)} if len(numbers) < len(rows) else {}
    return Loaded(problems, read=len(rows), dropped=dropped)


def _problem(row: _Row, number: int, seed: int) -> Problem:
    choices = list(row.target_scores)
    random.Random(f"{seed}/{_FILE}/{number}").shuffle(choices)
    right = next(choice for choice, score in row.target_scores.items() if score == 1)
    return Problem(
        id=f"date_understanding-bigbench-{number:05d}",
        task="date_understanding",
        split="test",
        question=row.input.strip(),
        answer=LETTERS[choices.index(right)],
        bin="unseen",
        choices=tuple(choices),
    )
