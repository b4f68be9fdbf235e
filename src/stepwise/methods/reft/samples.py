"""Many samples of a model on many problems, in blocks: a killed pass resumes, and shards give the rows of the whole."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from stepwise import evaluation
from stepwise.errors import StepwiseError
from stepwise.generation.base import Backend, Sampling
from stepwise.records import Prediction, Problem, iterate_jsonl
from stepwise.tasks.base import Task

_SHARD = re.compile(r"([1-9]\d*)-of-([1-9]\d*)")


class SamplesError(StepwiseError, ValueError):
    """Samples that cannot be made or joined; the message names the cause and the remedy."""


def blocks(problems: Sequence[Problem], size: int, shard: str = "1-of-1") -> list[Sequence[Problem]]:
    """A shard's blocks of `size` problems. The shards in order are all blocks in order, however many shards there are.

    Raises SamplesError for a shard that is not written as `2-of-4`, or that does not exist.
    """
    match = _SHARD.fullmatch(shard)
    if match is None or int(match[1]) > int(match[2]):
        raise SamplesError(f"{shard!r} is no shard; write 1-of-1 for everything, 1-of-2 and 2-of-2 for two halves")
    whole = [problems[start : start + size] for start in range(0, len(problems), size)]
    number, count = int(match[1]), int(match[2])
    return whole[len(whole) * (number - 1) // count : len(whole) * number // count]


def sample(
    task: Task, backend: Backend, blocks: Sequence[Sequence[Problem]], sampling: Sampling, *, journals: Path
) -> Iterator[Prediction]:
    """`sampling.n` checked samples a problem, yielded block by block.

    What a killed pass has generated is in `journals`. A block is batched by itself, so its rows are the same in every
    shard.
    """
    for number, block in enumerate(blocks):
        yield from evaluation.answer(task, backend, block, sampling, journal=journals / f"{number:05d}.jsonl")


def read(folder: Path, shards: Sequence[str]) -> list[Prediction]:
    """All samples of a folder with one file a shard, in the order of the shards.

    Raises SamplesError if shards are missing.
    """
    expected = {f"{number}-of-{len(shards)}" for number in range(1, len(shards) + 1)}
    if not shards or set(shards) != expected:
        raise SamplesError(
            f"reft_shards is {list(shards)}; the shards of a whole are ['1-of-1'] or ['1-of-2', '2-of-2']"
        )
    ordered = sorted(shards, key=lambda shard: int(shard.partition("-")[0]))
    return [sample for shard in ordered for sample in iterate_jsonl(folder / f"{shard}.jsonl", Prediction)]
