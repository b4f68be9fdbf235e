"""Which completions share a batch: a pure function of prompt lengths and parameters, never of timing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """A completion to generate: the index of its prompt in the pass and the number of the sample."""

    prompt: int
    sample: int


def plan(lengths: Sequence[int], samples: int, new_tokens: int, batch_tokens: int) -> list[list[Row]]:
    """Rows in batches, longest prompts first, so that the prompts of a batch have similar lengths.

    A batch of r rows with longest prompt l caches at most r * (l + new_tokens) <= batch_tokens tokens, or is a single
    row. Batches are of similar size, so none is left with a few rows. Rows of one prompt are neighbours.
    """
    order = sorted(range(len(lengths)), key=lambda index: (-lengths[index], index))
    rows = [Row(prompt, sample) for prompt in order for sample in range(samples)]
    batches: list[list[Row]] = []
    while rows:
        room = max(1, batch_tokens // (lengths[rows[0].prompt] + new_tokens))
        left = -(-len(rows) // room)
        size = -(-len(rows) // left)
        batches.append(rows[:size])
        rows = rows[size:]
    return batches


def microbatches(lengths: Sequence[int], tokens: int) -> list[range]:
    """Ranges of neighbouring items with at most `tokens` padded tokens (or one item). Lengths come longest first."""
    ranges: list[range] = []
    start = 0
    while start < len(lengths):
        size = max(1, tokens // max(lengths[start], 1))
        ranges.append(range(start, min(start + size, len(lengths))))
        start += size
    return ranges
