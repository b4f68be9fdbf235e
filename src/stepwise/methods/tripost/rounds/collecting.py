"""A round's first part: the model writes trajectories about its training problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from stepwise.methods.tripost.setup import TripostSetup
from stepwise.params.tripost import CollectParams
from stepwise.records import Problem, SampledTrajectory

T = TypeVar("T")


def collect(
    setup: TripostSetup,
    model: Path,
    problems: Sequence[Problem],
    params: CollectParams,
    *,
    number: int,
    journal: Path | None = None,
) -> list[SampledTrajectory]:
    """Sample `params.passes` trajectories of each problem in round `number` (from 0), pass by pass.

    A model that was not taught to criticise writes attempts without feedback, the first round's. Every pass has a seed
    of its own in every round.
    """
    backend = setup.make_backend(model)
    collected: list[SampledTrajectory] = []
    for sample in range(params.passes):
        sampling = setup.sampling(
            temperature=params.temperature,
            top_p=params.top_p,
            top_k=params.top_k,
            seed=(setup.seed * 1000 + number) * 1000 + sample,
        )
        conversations = setup.converse(backend, problems, sampling, journal=journal)
        collected += [talk.to_record(sample) for talk in conversations]
    return collected


def window(items: Sequence[T], size: int, number: int) -> Sequence[T]:
    """The items of round `number` (from 0): `size` at a time in turn, all if `size` is 0 (spec 1.9)."""
    if size <= 0 or size >= len(items):
        return items
    start = (number * size) % len(items) // size * size
    return items[start : start + size]
