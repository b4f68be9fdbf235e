"""From a task to three files of problems, with counts of what was read, dropped and shared between splits."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from stepwise.errors import StepwiseError
from stepwise.records import Problem, Split, write_jsonl
from stepwise.tasks.base import Task
from stepwise.tasks.preparation.overlap import find_overlap


class EmptySplitError(StepwiseError, ValueError):
    """A split without any problems; the message says what was read and dropped."""


def prepare(task: Task, out: Path, *, references: int = 0) -> dict[str, float]:
    """Write `train.jsonl`, `dev.jsonl` and `test.jsonl` of a task into the folder `out`.

    Only the first `references` training problems keep their reference solutions; 0 means all.

    Returns flat counts: for each split the rows read, kept, dropped by reason and mended by defect; the training
    problems with a reference; and the test questions that also occur in train or dev, word for word or by n-grams.
    Raises EmptySplitError.
    """
    counts: dict[str, float] = {}
    splits: dict[Split, list[Problem]] = {}
    out.mkdir(parents=True, exist_ok=True)
    for split in get_args(Split):
        loaded = task.load(split)
        counts[f"{split}.read"] = loaded.read
        counts[f"{split}.kept"] = len(loaded.problems)
        counts |= {f"{split}.dropped.{reason}": count for reason, count in sorted(loaded.dropped.items())}
        counts |= {f"{split}.mended.{defect}": count for defect, count in sorted(loaded.mended.items())}
        if not loaded.problems:
            shutil.rmtree(out)
            raise EmptySplitError(
                f"{task.name}: the split {split} is empty ({loaded.read} rows read, dropped: "
                f"{loaded.dropped or 'none'}); raise task.{task.name}.{split} or fix the data"
            )
        splits[split] = with_references(loaded.problems, references) if split == "train" else loaded.problems
        write_jsonl(out / f"{split}.jsonl", splits[split])
    counts["train.with_reference"] = sum(problem.reference is not None for problem in splits["train"])
    overlap = find_overlap(splits["train"] + splits["dev"], splits["test"])
    return counts | {"overlap.exact": overlap.exact, "overlap.ngram": overlap.ngram}


def with_references(problems: Sequence[Problem], count: int) -> list[Problem]:
    """The problems, of which only the first `count` keep their reference solutions; 0 means all."""
    if not count:
        return list(problems)
    return [*problems[:count], *(problem.model_copy(update={"reference": None}) for problem in problems[count:])]
