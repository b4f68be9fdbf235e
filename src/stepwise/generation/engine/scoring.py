"""Log-probabilities of given continuations: one forward pass reads the prefix once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from stepwise.generation.engine.batching import microbatches
from stepwise.generation.engine.prefill import left_padded

PACK_TOKENS = 1024
"""Maximum number of continuation tokens after one prefix; the attention mask grows with the square of the row."""


@dataclass(frozen=True)
class Pack:
    """A prefix and some of its continuations, as token ids. `numbers` are the indices of these continuations."""

    prefix: list[int]
    continuations: list[list[int]]
    numbers: tuple[int, ...]

    @property
    def tail(self) -> int:
        """Number of tokens of all continuations."""
        return sum(map(len, self.continuations))


def packs(prefix: list[int], continuations: Sequence[list[int]]) -> list[Pack]:
    """A prefix with its continuations as one pack, or as several if they exceed both the prefix and PACK_TOKENS."""
    limit = max(PACK_TOKENS, len(prefix))
    groups: list[list[int]] = [[]]
    for number, ids in enumerate(continuations):
        if groups[-1] and sum(len(continuations[other]) for other in groups[-1]) + len(ids) > limit:
            groups.append([])
        groups[-1].append(number)
    return [Pack(prefix, [continuations[number] for number in group], tuple(group)) for group in groups]


def score_causal(model: Any, packed: Sequence[Pack], filler: int) -> list[list[list[float]]]:
    """Log-probabilities in nats of each token of each continuation of each pack, by a decoder-only model.

    A row is the left-padded prefix followed by all its continuations. Each continuation sees the prefix and itself, and
    its positions follow the prefix, so the result is the same as for the continuation alone.
    """
    ids, segments, positions = _layout(packed, filler)
    device = model.device
    width = max(len(pack.prefix) for pack in packed)
    rows, before, targets = _scored(packed, width)
    kept = sorted(set(before))
    place = {column: index for index, column in enumerate(kept)}
    output = model(
        input_ids=ids.to(device),
        attention_mask=_visible(segments.to(device), model.dtype),
        position_ids=positions.to(device),
        use_cache=False,
        logits_to_keep=torch.tensor(kept, device=device),
    )
    index = torch.tensor([rows, [place[column] for column in before], targets], device=device)
    logits = output.logits
    logprobs = logits[index[0], index[1], index[2]].float() - _normaliser(logits)[index[0], index[1]]
    return _unflatten(logprobs.tolist(), packed)


def score_encoder_decoder(model: Any, packed: Sequence[Pack], filler: int) -> list[list[list[float]]]:
    """The same with an encoder-decoder model: the encoder reads each prefix once, the decoder all continuations."""
    device = model.device
    prefixes, mask = left_padded([pack.prefix for pack in packed], filler, device)
    states = model.get_encoder()(input_ids=prefixes, attention_mask=mask).last_hidden_state
    owners = [index for index, pack in enumerate(packed) for _ in pack.continuations]
    texts = [ids for pack in packed for ids in pack.continuations]
    width = max(1, *map(len, texts)) if texts else 1
    start = model.config.decoder_start_token_id
    padded = torch.tensor([ids + [filler] * (width - len(ids)) for ids in texts], device=device)
    read = torch.cat([padded.new_full((len(texts), 1), start), padded[:, :-1]], dim=1)
    logits = model(
        decoder_input_ids=read, encoder_outputs=(states[owners],), attention_mask=mask[owners], use_cache=False
    ).logits
    logprobs = (logits.gather(-1, padded[..., None])[..., 0].float() - _normaliser(logits)).tolist()
    scores = iter([row[: len(ids)] for row, ids in zip(logprobs, texts, strict=True)])
    return [[next(scores) for _ in pack.continuations] for pack in packed]


def groups_of(packed: Sequence[Pack], tokens: int) -> list[list[int]]:
    """Indices of packs that share a forward pass: of similar length, at most `tokens` padded tokens (or one pack)."""
    sizes = [len(pack.prefix) + pack.tail for pack in packed]
    order = sorted(range(len(packed)), key=lambda index: (-sizes[index], index))
    return [[order[index] for index in part] for part in microbatches([sizes[index] for index in order], tokens)]


def _layout(packed: Sequence[Pack], filler: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, segments (0: prefix, k: k-th continuation, -1: padding) and positions, each [rows, columns]."""
    width = max(len(pack.prefix) for pack in packed)
    tail = max(pack.tail for pack in packed)
    ids, segments, positions = [], [], []
    for pack in packed:
        pad, rest, length = width - len(pack.prefix), tail - pack.tail, len(pack.prefix)
        flat = [token for text in pack.continuations for token in text]
        segment = [number for number, text in enumerate(pack.continuations, 1) for _ in text]
        position = [length + offset for text in pack.continuations for offset in range(len(text))]
        ids.append([filler] * pad + pack.prefix + flat + [filler] * rest)
        segments.append([-1] * pad + [0] * length + segment + [-1] * rest)
        positions.append([0] * pad + list(range(length)) + position + [0] * rest)
    return torch.tensor(ids), torch.tensor(segments), torch.tensor(positions)


def _visible(segments: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Additive tree mask [rows, 1, columns, columns]: a token sees earlier tokens of the prefix and its own segment."""
    query, key = segments[:, :, None], segments[:, None, :]
    size = segments.shape[1]
    earlier = torch.ones(size, size, dtype=torch.bool, device=segments.device).tril()
    visible = earlier & (key >= 0) & ((key == 0) | (key == query))
    mask = torch.zeros(visible.shape, dtype=dtype, device=segments.device)
    return mask.masked_fill_(~visible, torch.finfo(dtype).min)[:, None]


def _scored(packed: Sequence[Pack], width: int) -> tuple[list[int], list[int], list[int]]:
    """For each scored token: its row, the column that predicts it, and its id."""
    rows, before, targets = [], [], []
    for row, pack in enumerate(packed):
        column = width
        for text in pack.continuations:
            rows += [row] * len(text)
            before += [width - 1, *range(column, column + len(text) - 1)][: len(text)]
            targets += text
            column += len(text)
    return rows, before, targets


def _normaliser(logits: torch.Tensor) -> torch.Tensor:
    return logits.float().logsumexp(dim=-1)


def _unflatten(logprobs: list[float], packed: Sequence[Pack]) -> list[list[list[float]]]:
    values = iter(logprobs)
    return [[[next(values) for _ in text] for text in pack.continuations] for pack in packed]
