"""Solutions sampled from the live policy: its own tokens are the actions, and no text is split to find them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from stepwise.generation.base import Backend, Completion, Sampling
from stepwise.params import RlParams
from stepwise.records import Prompt
from stepwise.tokens import beginning, encode_many
from stepwise.training.batching import plan_steps
from stepwise.training.encoding import Encoded

RewardFunction = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
"""Scores of completions, given the ids of their questions and their texts; 1 means right."""


@dataclass
class Rollout:
    """The completions of one step, in one order throughout."""

    ids: list[str]
    """The question of each."""
    encoded: list[Encoded]
    """Prompt (weight 0) and actions (weight 1) as tokens."""
    texts: list[str]
    truncated: Tensor
    """(sequences,): 1 where the completion was cut off at its longest."""
    response_mask: Tensor
    """(sequences, actions): 1 where a sequence has a t-th action."""

    @property
    def prompt_lengths(self) -> list[int]:
        """Tokens of each prompt."""
        return [len(one.source) or one.weights.count(0.0) for one in self.encoded]


def plan(ids: Sequence[str], params: RlParams, seed: int) -> list[list[str]]:
    """The questions of every step: each epoch in a new order, none twice in a step (as at the border of two epochs)."""
    epochs = -(-params.steps * params.prompts // len(ids))
    steps = plan_steps(len(ids), epochs=epochs, batch=params.prompts, seed=seed)[: params.steps]
    return [[ids[index] for index in dict.fromkeys(step)] for step in steps]


def sampling(params: RlParams, step: int, *, max_new_tokens: int, stop: tuple[str, ...], seed: int) -> Sampling:
    """How a step's completions are drawn; with the weights it decides them to the last token."""
    return Sampling(
        max_new_tokens=max_new_tokens,
        temperature=params.temperature,
        top_p=params.top_p,
        top_k=params.top_k,
        n=params.samples,
        stop=stop,
        seed=seed * 1_000_003 + step,
    )


def sample(backend: Backend, tokenizer: Any, prompts: Mapping[str, Prompt], how: Sampling, *, seq2seq: bool) -> Rollout:
    """`how.n` completions of every prompt as a Rollout. Prompts have the tokens that fine-tuning gave them."""
    found = backend.generate(list(prompts.values()), how)
    encoded: list[Encoded] = []
    completions = [one for several in found for one in several]
    ids = [name for name in prompts for _ in range(how.n)]
    tokens = encode_many(tokenizer, [prompts[name] for name in prompts])
    for name, prompt, several in zip(prompts, tokens, found, strict=True):
        encoded += [encode(name, prompt, one, seq2seq=seq2seq) for one in several]
    lengths = torch.tensor([len(one.token_ids) for one in completions])
    longest = max(1, int(lengths.max()))
    return Rollout(
        ids=ids,
        encoded=encoded,
        texts=[one.text for one in completions],
        truncated=torch.tensor([float(one.finish_reason == "length") for one in completions]),
        response_mask=(torch.arange(longest) < lengths[:, None]).float(),
    )


def encode(name: str, prompt: Sequence[int], completion: Completion, *, seq2seq: bool) -> Encoded:
    """One completion as a training example whose learned tokens are the actions."""
    actions = completion.token_ids
    if seq2seq:
        return Encoded(name, actions, (1.0,) * len(actions), tuple(prompt))
    return Encoded(name, (*prompt, *actions), (0.0,) * len(prompt) + (1.0,) * len(actions))


def fitting(
    prompts: Mapping[str, Prompt], tokenizer: Any, config: Any, max_new_tokens: int
) -> tuple[dict[str, Prompt], dict[str, int]]:
    """Prompts that leave room for a whole completion (none is cut), and how many were left out for which reason."""
    limit = None if config.is_encoder_decoder else getattr(config, "max_position_embeddings", None)
    kept: dict[str, Prompt] = {}
    left_out = {"empty": 0, "too_long": 0}
    for (name, prompt), ids in zip(prompts.items(), encode_many(tokenizer, list(prompts.values())), strict=True):
        if len(ids) <= len(beginning(tokenizer)):
            left_out["empty"] += 1
        elif limit and len(ids) + max_new_tokens > limit:
            left_out["too_long"] += 1
        else:
            kept[name] = prompt
    return kept, {reason: count for reason, count in left_out.items() if count}
