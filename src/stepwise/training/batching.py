"""Which examples make up a step, and how they are grouped by length so that little padding is computed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stepwise.training.encoding import Encoded

if TYPE_CHECKING:
    import torch

PASS_COST = 128
"""Fixed cost of a forward and backward pass, expressed in tokens; it keeps groups from becoming too small."""


def plan_steps(count: int, *, epochs: int, batch: int, seed: int) -> list[list[int]]:
    """Indices of each step's examples: every epoch in a new order, `batch` to a step; only the last may be smaller."""
    order: list[int] = []
    for epoch in range(epochs):
        indices = list(range(count))
        random.Random(f"{seed}-{epoch}").shuffle(indices)
        order += indices
    return [order[start : start + batch] for start in range(0, len(order), batch)]


def group_by_length(lengths: Sequence[int], max_tokens: int) -> list[list[int]]:
    """Split examples into passes of at most `max_tokens` padded tokens (a single example may exceed it).

    Of all splits of the examples in order of length, this has the smallest sum of padded tokens + PASS_COST, found by
    dynamic programming. The passes' gradients add up to those of the whole step.
    """
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    costs, starts = [0], [0]
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        first = max(0, end - max(1, max_tokens // longest))
        cost, start = min((costs[s] + (end - s) * longest + PASS_COST, s) for s in range(first, end))
        costs.append(cost)
        starts.append(start)
    groups: list[list[int]] = []
    end = len(order)
    while end:
        groups.append(order[starts[end] : end])
        end = starts[end]
    return groups


def passes(step: Sequence[Encoded], max_tokens: int, *, rank: int = 0, world: int = 1) -> list[list[Encoded]]:
    """The passes of process `rank` over a step. All `world` processes get equally many, so some may be empty."""
    order = sorted(step, key=lambda example: example.length)
    shares = [order[process::world] for process in range(world)]
    grouped = [group_by_length([example.length for example in share], max_tokens) for share in shares]
    mine = [[shares[rank][index] for index in group] for group in grouped[rank]]
    return mine + [[]] * (max(map(len, grouped)) - len(mine))


def sizes(step: Sequence[Encoded], max_tokens: int) -> tuple[int, int]:
    """(real tokens, tokens with padding) of a step on one process."""
    groups = passes(step, max_tokens)
    real = sum(len(example.tokens) + len(example.source) for example in step)
    padded = sum(
        len(group) * (max(len(example.tokens) for example in group) + max(len(example.source) for example in group))
        for group in groups
    )
    return real, padded


def collate(examples: Sequence[Encoded], *, pad: int, decoder_start: int | None = None) -> dict[str, torch.Tensor]:
    """Right-padded tensors of shape (examples, longest): inputs, `targets` and `weights` (0 at padding).

    A causal model reads `input_ids` and predicts them shifted by one; padding on the right needs no mask, since no real
    token looks ahead. With `decoder_start` the inputs are those of an encoder-decoder.
    """
    if decoder_start is None:
        return {
            "input_ids": _padded([example.tokens[:-1] for example in examples], pad),
            "targets": _padded([example.tokens[1:] for example in examples], pad),
            "weights": _padded([example.weights[1:] for example in examples], 0.0),
        }
    return {
        "input_ids": _padded([example.source for example in examples], pad),
        "attention_mask": _padded([(1,) * len(example.source) for example in examples], 0),
        "decoder_input_ids": _padded([(decoder_start, *example.tokens[:-1]) for example in examples], pad),
        "targets": _padded([example.tokens for example in examples], pad),
        "weights": _padded([example.weights for example in examples], 0.0),
    }


def _padded(rows: Sequence[Sequence[float]], value: float) -> torch.Tensor:
    import torch

    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])
