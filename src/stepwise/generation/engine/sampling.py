"""Choosing the next token. A row's random number at a step depends on seed, prompt, sample and step only."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import torch

if TYPE_CHECKING:
    from stepwise.generation.base import Sampling
    from stepwise.records import Prompt


def uniforms(seed: int, prompt: Prompt, sample: int, steps: int) -> np.ndarray:
    """`steps` numbers in [0, 1), a pure function of seed, prompt text and sample number (Philox, counter-based)."""
    digest = hashlib.blake2b(repr((seed, tuple(prompt), sample)).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest, "big"))).random(steps)


def choose(logits: torch.Tensor, sampling: Sampling, chance: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
    """Next tokens and their log-probabilities at temperature 1 over the whole vocabulary.

    Args:
        logits: [rows, vocabulary], float32.
        sampling: temperature 0 takes the likeliest token; otherwise the filters and the temperature apply.
        chance: uniform random numbers [rows] in float64, needed if the temperature is above 0.

    Returns:
        tokens [rows] and log-probabilities [rows] in nats.
    """
    if sampling.temperature == 0.0 or chance is None:
        best, tokens = logits.max(dim=-1)
        return tokens, best - logits.logsumexp(dim=-1)
    tokens = _draw(filtered(logits / sampling.temperature, sampling.top_k, sampling.top_p), chance)
    return tokens, logits.gather(-1, tokens[:, None])[:, 0] - logits.logsumexp(dim=-1)


def filtered(logits: torch.Tensor, top_k: int, top_p: float) -> torch.Tensor:
    """Logits [rows, vocabulary] with minus infinity for tokens outside top-k, then outside the top-p nucleus.

    The nucleus is the smallest set of likeliest tokens whose probability reaches `top_p`; it is never empty.
    """
    if 0 < top_k < logits.shape[-1]:
        least = logits.topk(top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if top_p < 1.0:
        ordered, index = logits.sort(dim=-1, descending=True, stable=True)
        share = ordered.softmax(dim=-1)
        outside = share.cumsum(dim=-1) - share >= top_p
        outside[:, 0] = False
        logits = logits.masked_fill(outside.scatter(-1, index, outside), -torch.inf)
    return logits


def _draw(logits: torch.Tensor, chance: torch.Tensor) -> torch.Tensor:
    """Inverse of the cumulative distribution, in token order, at `chance`; in float64, since rounding would add up."""
    total = logits.softmax(dim=-1).cumsum(dim=-1, dtype=torch.float64)
    point = (chance * total[:, -1])[:, None]
    return torch.searchsorted(total, point, right=True)[:, 0].clamp_(max=logits.shape[-1] - 1)
