"""Completions sampled from the live policy. Its own tokens are the actions: no text is tokenised again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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


@dataclass
class Rollout:
    """The completions of a step, in the same order in every field."""

    ids: list[str]
    """The prompt that each belongs to."""
    encoded: list[Encoded]
    """Prompt (weight 0) and actions (weight 1) as tokens."""
    texts: list[str]
    truncated: Tensor
    """(sequences,): 1 where the completion reached the longest length without ending."""
    response_mask: Tensor
    """(sequences, actions): 1 where a sequence has a t-th action."""

    @property
    def prompt_lengths(self) -> list[int]:
        """Tokens of each prompt."""
        return [len(sequence.source) or sequence.weights.count(0.0) for sequence in self.encoded]


def plan(ids: Sequence[str], params: RlParams, seed: int, *, repeats: bool = False) -> list[list[str]]:
    """The prompts of each step, by id: `params.prompts` a step, every epoch in a new order.

    A step that spans two epochs may draw a prompt twice; unless `repeats`, it is smaller instead.
    """
    epochs = -(-params.steps * params.prompts // len(ids))
    steps = plan_steps(len(ids), epochs=epochs, batch=params.prompts, seed=seed)[: params.steps]
    return [[ids[index] for index in (step if repeats else dict.fromkeys(step))] for step in steps]


def step_sampling(params: RlParams, step: int, *, max_new_tokens: int, stop: tuple[str, ...], seed: int) -> Sampling:
    """How a step's completions are sampled; together with the weights this fixes every token."""
    return Sampling(
        max_new_tokens=max_new_tokens,
        temperature=params.temperature,
        top_p=params.top_p,
        top_k=params.top_k,
        n=params.samples,
        stop=stop,
        seed=seed * 1_000_003 + step,
    )


def sample(
    backend: Backend, tokenizer: Any, prompts: Mapping[str, Prompt], sampling: Sampling, *, seq2seq: bool
) -> Rollout:
    """`sampling.n` completions of every prompt. Prompts are tokenised as in fine-tuning."""
    completions = backend.generate(list(prompts.values()), sampling)
    encoded: list[Encoded] = []
    for name, ids, samples in zip(prompts, encode_many(tokenizer, list(prompts.values())), completions, strict=True):
        encoded += [encode(name, ids, completion, seq2seq=seq2seq) for completion in samples]
    flat = [completion for samples in completions for completion in samples]
    lengths = torch.tensor([len(completion.token_ids) for completion in flat])
    longest = max(1, int(lengths.max()))
    return Rollout(
        ids=[name for name in prompts for _ in range(sampling.n)],
        encoded=encoded,
        texts=[completion.text for completion in flat],
        truncated=torch.tensor([float(completion.finish_reason == "length") for completion in flat]),
        response_mask=(torch.arange(longest) < lengths[:, None]).float(),
    )


def encode(name: str, prompt: Sequence[int], completion: Completion, *, seq2seq: bool) -> Encoded:
    """A completion as a training example whose learned tokens are the actions."""
    actions = completion.token_ids
    if seq2seq:
        return Encoded(name, actions, (1.0,) * len(actions), tuple(prompt))
    return Encoded(name, (*prompt, *actions), (0.0,) * len(prompt) + (1.0,) * len(actions))


def fitting(
    prompts: Mapping[str, Prompt], tokenizer: Any, config: Any, max_new_tokens: int
) -> tuple[dict[str, Prompt], dict[str, int]]:
    """Prompts that leave room for a whole completion (none is truncated), and how many were left out by reason."""
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
