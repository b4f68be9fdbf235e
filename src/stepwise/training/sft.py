"""Supervised fine-tuning, one for all methods: weighted spans, a fixed number of examples a step, exact resume.

The loss of a step is sum(weight x cross-entropy) / sum(weight) over all target tokens of the step, no matter how the
step is cut into passes and spread over devices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stepwise.models.adapters import with_lora
from stepwise.models.loading import load_model
from stepwise.params import SftParams
from stepwise.records import Example
from stepwise.training.batching import plan_steps, sizes
from stepwise.training.encoding import Encoded, encode_for, longest_allowed
from stepwise.training.resumable_run import TrainingError, TrainSetup, fingerprint
from stepwise.training.sft_loop import SftLoop

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["SftResult", "TrainSetup", "TrainingError", "train"]


@dataclass
class SftResult:
    """What a run did. A row of `curve` has step, loss, learning_rate and, where dev was evaluated, dev_score."""

    steps: int
    examples: int
    left_out: dict[str, int]
    tokens: int
    """Real tokens of the whole run, without padding."""
    padding_share: float
    tokens_per_second: float
    """Of the steps that this process took."""
    best_step: int | None = None
    best_score: float | None = None
    curve: list[dict[str, float]] = field(default_factory=list)
    step_tokens: list[int] = field(default_factory=list)
    """Real tokens of each step."""


def train(
    model_folder: str | Path,
    examples: Sequence[Example],
    params: SftParams,
    setup: TrainSetup,
    *,
    epochs: int = 0,
    steps: int = 0,
) -> SftResult:
    """Fine-tune a model on examples and write the best state by dev (without `setup.evaluate` the last) to `setup.out`.

    The run makes `epochs` passes over the examples, or takes exactly `steps` optimiser steps if that is not 0. A killed
    run that is started again with the same arguments resumes from its last checkpoint and ends with the same bytes.

    Raises:
        TrainingError: no example is left, or the loss is not a finite number.
        ModelError: the model does not load.
    """
    model, tokenizer = load_model(model_folder, setup.dtype)
    encoded, left_out = encode_for(model, tokenizer, examples, params.max_length)
    if not encoded:
        raise TrainingError(
            f"none of {len(examples)} examples can be learned: {left_out}; the longest allowed has "
            f"{longest_allowed(model, params.max_length)} tokens"
        )
    params = params.model_copy(update={"learning_rate": params.learning_rate * setup.learning_rate_scale})
    plan = _plan(encoded, params.batch_examples, epochs, steps, setup.seed)
    run_id = fingerprint(params, setup.seed, _weight_sums(model), *(example for step in plan for example in step))
    loop = SftLoop(with_lora(model, params.lora, setup.seed), tokenizer, plan, params, setup)
    state = loop.run_and_export(run_id, setup.out)
    real, padded = zip(*(sizes(step, params.batch_tokens) for step in plan), strict=True)
    return SftResult(
        steps=len(plan),
        examples=len(encoded),
        left_out=left_out,
        tokens=sum(real),
        padding_share=1 - sum(real) / sum(padded),
        tokens_per_second=loop.speed,
        best_step=state.best_step,
        best_score=state.best_score,
        curve=state.curve,
        step_tokens=list(real),
    )


def _plan(encoded: Sequence[Encoded], batch: int, epochs: int, steps: int, seed: int) -> list[list[Encoded]]:
    """The examples of each step: of whole epochs, or of exactly `steps` steps."""
    needed = -(-steps * batch // len(encoded)) if steps else epochs
    plan = plan_steps(len(encoded), epochs=needed, batch=batch, seed=seed)
    return [[encoded[index] for index in step] for step in (plan[:steps] if steps else plan)]


def _weight_sums(model: PreTrainedModel) -> list[tuple[str, float, float]]:
    """Sum and sum of squares of each weight tensor: what the fingerprint knows of the first weights."""
    tensors = sorted(model.state_dict().items())
    return [(name, float(value.double().sum()), float(value.double().square().sum())) for name, value in tensors]
