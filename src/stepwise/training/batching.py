"""Which examples make a step, and how a step's examples are grouped by length so that little padding is computed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from stepwise.training.encoding import Encoded

if TYPE_CHECKING:
    import torch

PASS_COST = 128
"""What a forward and backward pass costs beside its tokens, in tokens; keeps groups from becoming too small."""


def plan_steps(count: int, *, epochs: int, batch: int, seed: int) -> list[list[int]]:
    """Indices of each step's examples: every epoch in a new order, `batch` a step; only the last may be smaller."""
    order: list[int] = []
    for epoch in range(epochs):
        indices = list(range(count))
        random.Random(f"{seed}-{epoch}").shuffle(indices)
        order += indices
    return [order[start : start + batch] for start in range(0, len(order), batch)]


def group_by_length(lengths: Sequence[int], most_tokens: int) -> list[list[int]]:
    """Split examples into passes of at most `most_tokens` padded tokens (one example may exceed it alone).

    The split has the least sum of padded tokens + PASS_COST over all splits of the examples in order of length; it is
    found by dynamic programming. The passes' gradients add up to those of the whole step.
    """
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    costs, starts = [0], [0]
    for end in range(1, len(order) + 1):
        longest = lengths[order[end - 1]]
        first = max(0, end - max(1, most_tokens // longest))
        cost, start = min((costs[s] + (end - s) * longest + PASS_COST, s) for s in range(first, end))
        costs.append(cost)
        starts.append(start)
    groups: list[list[int]] = []
    end = len(order)
    while end:
        groups.append(order[starts[end] : end])
        end = starts[end]
    return groups


def passes(step: Sequence[Encoded], most_tokens: int, *, rank: int = 0, world: int = 1) -> list[list[Encoded]]:
    """The passes of one of `world` processes over a step; as many for each, so one may be empty."""
    order = sorted(step, key=lambda one: one.length)
    shares = [order[process::world] for process in range(world)]
    grouped = [group_by_length([one.length for one in share], most_tokens) for share in shares]
    mine = [[shares[rank][index] for index in group] for group in grouped[rank]]
    return mine + [[]] * (max(map(len, grouped)) - len(mine))


def sizes(step: Sequence[Encoded], most_tokens: int) -> tuple[int, int]:
    """(real tokens, tokens with padding) that one process computes in a step."""
    groups = passes(step, most_tokens)
    real = sum(len(one.tokens) + len(one.source) for one in step)
    padded = sum(
        len(group) * (max(len(one.tokens) for one in group) + max(len(one.source) for one in group)) for group in groups
    )
    return real, padded


def collate(examples: Sequence[Encoded], *, pad: int, decoder_start: int | None = None) -> dict[str, torch.Tensor]:
    """Right-padded tensors of shape (examples, longest): inputs, `targets` and `weights` (0 at padding).

    A causal model reads `input_ids` and predicts them moved by one; padding on the right needs no mask there, since no
    real token looks ahead. With `decoder_start` the inputs are those of an encoder and a decoder.
    """
    if decoder_start is None:
        return {
            "input_ids": _padded([one.tokens[:-1] for one in examples], pad),
            "targets": _padded([one.tokens[1:] for one in examples], pad),
            "weights": _padded([one.weights[1:] for one in examples], 0.0),
        }
    return {
        "input_ids": _padded([one.source for one in examples], pad),
        "attention_mask": _padded([(1,) * len(one.source) for one in examples], 0),
        "decoder_input_ids": _padded([(decoder_start, *one.tokens[:-1]) for one in examples], pad),
        "targets": _padded([one.tokens for one in examples], pad),
        "weights": _padded([one.weights for one in examples], 0.0),
    }


def _padded(rows: Sequence[Sequence[float]], value: float) -> torch.Tensor:
    import torch

    longest = max(map(len, rows))
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])
