"""Attention of one new token per row over cached keys, as matrix products over keys stored column by column.

On a CPU, reading the cache limits the speed of a decoding step. PyTorch's fused kernel multiplies head by head and
reads each key as a short row of its own; with the columns of the cache contiguous, the same sums run along them.
Everything else (whole prompts, other devices, models with soft caps or relative positions) uses transformers' own
`sdpa` attention.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "stepwise_decoding"


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """An attention function with the interface that transformers expects.

    Args:
        module: the calling layer; see `sdpa_attention_forward`.
        query: [rows, heads, queries, head size].
        key: [rows, key heads, columns, head size]; fast if the columns are its contiguous dimension.
        value: [rows, key heads, columns, head size].
        attention_mask: additive, [rows, 1, queries, columns], or None.
        scaling: factor on the products; 1 / sqrt(head size) by default.
        **kwargs: options of other attention functions.

    Returns:
        Output [rows, queries, heads, head size], and no weights.
    """
    if query.shape[2] != 1 or kwargs.get("softcap") is not None or kwargs.get("position_bias") is not None:
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
        return output, None
    rows, heads, _, size = query.shape
    grouped = (query * (size**-0.5 if scaling is None else scaling)).view(rows, key.shape[1], -1, size)
    scores = grouped @ key.transpose(-1, -2)
    if attention_mask is not None:
        scores += attention_mask
    weights = scores.softmax(dim=-1, dtype=torch.float32).to(value.dtype)
    return (weights @ value).view(rows, 1, heads, size), None


def serves(model: Any) -> bool:
    """Whether `attend` can decode with this model: on a CPU, if it uses `sdpa` through transformers' interface."""
    inner = model.get_base_model() if hasattr(model, "get_base_model") else model
    return bool(
        model.device.type == "cpu"
        and model.config._attn_implementation == "sdpa"
        and inner._can_set_attn_implementation()
    )


@contextmanager
def decoding_attention(model: Any) -> Iterator[None]:
    """The model uses `attend` inside, and its own attention again afterwards."""
    own = model.config._attn_implementation
    model.config._attn_implementation = NAME
    try:
        yield
    finally:
        model.config._attn_implementation = own


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
