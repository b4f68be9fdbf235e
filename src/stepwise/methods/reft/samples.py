"""Many samples of a model on many problems, in blocks: a killed pass goes on, and parts give the rows of the whole."""

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
    """Samples that cannot be made or put together; the message names the cause and the remedy."""


def blocks(problems: Sequence[Problem], size: int, shard: str = "1-of-1") -> list[Sequence[Problem]]:
    """A part's blocks of `size` problems. Blocks do not depend on the part; the parts in order are all blocks in order.

    Raises SamplesError for a part that is not written `2-of-4`, or is none of so many.
    """
    match = _SHARD.fullmatch(shard)
    if match is None or int(match[1]) > int(match[2]):
        raise SamplesError(f"{shard!r} is no part; write 1-of-1 for everything, 1-of-2 and 2-of-2 for two halves")
    cut = [problems[start : start + size] for start in range(0, len(problems), size)]
    part, parts = int(match[1]), int(match[2])
    return cut[len(cut) * (part - 1) // parts : len(cut) * part // parts]


def sample(
    task: Task, backend: Backend, chosen: Sequence[Sequence[Problem]], sampling: Sampling, *, journals: Path
) -> Iterator[Prediction]:
    """`sampling.n` checked samples a problem, block after block, each block as soon as it is there.

    What a killed pass has made is in `journals`. A block is batched by itself, so its rows are the same in every part.
    """
    for number, block in enumerate(chosen):
        yield from evaluation.answer(task, backend, block, sampling, journal=journals / f"{number:05d}.jsonl")


def read(folder: Path, shards: Sequence[str]) -> list[Prediction]:
    """All samples of a folder that has a file a part, in the order of the parts. Raises SamplesError without parts."""
    wanted = {f"{part}-of-{len(shards)}" for part in range(1, len(shards) + 1)}
    if not shards or set(shards) != wanted:
        raise SamplesError(
            f"reft_shards is {list(shards)}; the parts of a whole are ['1-of-1'] or ['1-of-2', '2-of-2']"
        )
    ordered = sorted(shards, key=lambda shard: int(shard.partition("-")[0]))
    return [one for shard in ordered for one in iterate_jsonl(folder / f"{shard}.jsonl", Prediction)]
