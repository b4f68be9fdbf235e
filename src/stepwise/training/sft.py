"""Supervised fine-tuning, one for all methods: weighted spans, a fixed number of examples a step, exact resume.

The loss of a step is sum(weight x cross-entropy) / sum(weight) over all target tokens of the step, however it is cut
into passes and spread over devices.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.models.adapters import with_lora
from stepwise.models.loading import Dtype, load_model, save_model
from stepwise.params import SftParams
from stepwise.records import Example
from stepwise.training.batching import plan_steps, sizes
from stepwise.training.encoding import Encoded, encode_examples
from stepwise.training.resumable_run import Evaluate, TrainingError
from stepwise.training.sft_loop import Loop

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Evaluate", "SftResult", "TrainingError", "train"]


@dataclass
class SftResult:
    """What a run did. A row of `curve` has step, loss, learning_rate and, where dev was read, dev_score."""

    steps: int
    examples: int
    left_out: dict[str, int]
    tokens: int
    """Real tokens of the whole run, padding not counted."""
    padding_share: float
    tokens_per_second: float
    """Of what this process did."""
    best_step: int | None = None
    best_score: float | None = None
    curve: list[dict[str, float]] = field(default_factory=list)
    step_tokens: list[int] = field(default_factory=list)
    """Real tokens of each step."""


def train(
    model_folder: str | Path,
    examples: Sequence[Example],
    params: SftParams,
    *,
    epochs: int = 0,
    steps: int = 0,
    seed: int,
    work: Path,
    out: Path,
    evaluate: Evaluate | None = None,
    learning_rate_scale: float = 1.0,
    dtype: Dtype = "float32",
) -> SftResult:
    """Fine-tune a model on examples and write the best state (by dev; the last without `evaluate`) to `out`.

    It takes `epochs` passes over the examples, or exactly `steps` optimiser steps where that is not 0.

    A killed run that is started again with the same arguments goes on after its last checkpoint in `work` and ends with
    the same bytes.

    Raises:
        TrainingError: no example is left, or the loss is no number.
        ModelError: the model does not load.
    """
    model: Any
    model, tokenizer = load_model(model_folder, dtype)
    encoded, left_out = _encode(model, tokenizer, examples, params.max_length)
    params = params.model_copy(update={"learning_rate": params.learning_rate * learning_rate_scale})
    planned = _plan(encoded, params.batch_examples, epochs, steps, seed)
    fingerprint = _fingerprint(model, planned, params, seed)
    learner = with_lora(model, params.lora, seed) if params.lora.rank else model
    loop = Loop(learner, tokenizer, planned, params, seed=seed, work=work, evaluate=evaluate)
    standing = loop.run(fingerprint)
    if loop.accelerator.is_main_process:
        save_model(learner.merge_and_unload() if params.lora.rank else model, tokenizer, out)
    loop.accelerator.wait_for_everyone()
    real, padded = zip(*(sizes(step, params.batch_tokens) for step in planned), strict=True)
    return SftResult(
        steps=len(planned),
        examples=len(encoded),
        left_out=left_out,
        tokens=sum(real),
        padding_share=1 - sum(real) / sum(padded),
        tokens_per_second=loop.speed,
        best_step=standing.best_step,
        best_score=standing.best_score,
        curve=standing.curve,
        step_tokens=list(real),
    )


def _plan(encoded: Sequence[Encoded], batch: int, epochs: int, steps: int, seed: int) -> list[list[Encoded]]:
    """The examples of each step: of whole epochs, or of so many steps."""
    needed = -(-steps * batch // len(encoded)) if steps else epochs
    plan = plan_steps(len(encoded), epochs=needed, batch=batch, seed=seed)
    return [[encoded[index] for index in step] for step in (plan[:steps] if steps else plan)]


def _encode(
    model: PreTrainedModel, tokenizer: Any, examples: Sequence[Example], max_length: int
) -> tuple[list[Encoded], dict[str, int]]:
    """Examples that the model can learn from, and how many were left out for which reason."""
    longest = min(max_length, getattr(model.config, "max_position_embeddings", None) or max_length)
    seq2seq = bool(model.config.is_encoder_decoder)
    encoded, left_out = encode_examples(tokenizer, examples, max_length=longest, seq2seq=seq2seq)
    if not encoded:
        raise TrainingError(
            f"none of {len(examples)} examples can be learned: {left_out}; the longest allowed has {longest} tokens"
        )
    return encoded, left_out


def _fingerprint(model: PreTrainedModel, steps: Sequence[Sequence[Encoded]], params: SftParams, seed: int) -> str:
    """Hash of all that decides the result: first weights, examples in order, parameters, seed."""
    digest = hashlib.sha256(json.dumps([params.model_dump(mode="json"), seed], sort_keys=True).encode())
    for one in (one for step in steps for one in step):
        digest.update(repr((one.id, one.tokens, one.weights, one.source)).encode())
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {float(value.double().sum())!r} {float(value.double().square().sum())!r}".encode())
    return digest.hexdigest()
