"""Online self-training: a step samples from the live policy, checks, and learns from what was right and from gold.

Its questions and their seeds are those of ReFT's step, so that the two differ only in what they learn from the samples.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from stepwise import evaluation
from stepwise.generation.transformers_backend import TransformersBackend, weights_hash
from stepwise.methods.reft.self_training import combined, cut, mini_batches, right_samples, sample_example
from stepwise.models.adapters import with_lora
from stepwise.models.loading import Dtype, load_model, save_model
from stepwise.params import BackendParams, SftParams
from stepwise.params.reft import ReftParams, SelfTrainingParams
from stepwise.records import Prediction, Problem
from stepwise.rl import rollout
from stepwise.tasks.base import Task, example
from stepwise.training.checkpoints import Standing
from stepwise.training.encoding import Encoded, encode_examples
from stepwise.training.resumable_run import Evaluate, TrainingError
from stepwise.training.sft_loop import Loop


class OnlineLoop(Loop):
    """A run of `reft.steps` steps, each of inner_epochs x mini_batches optimiser steps on one set of samples."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        questions: Sequence[Sequence[Problem]],
        gold: dict[str, Encoded],
        params: SftParams,
        *,
        task: Task,
        reft: ReftParams,
        max_new_tokens: int,
        backend: BackendParams,
        seed: int,
        work: Path,
        evaluate: Evaluate | None,
    ) -> None:
        """`questions` are those of each step, `gold` their solutions as tokens."""
        steps = [[gold[one.id] for one in step] for step in questions]
        super().__init__(model, tokenizer, steps, params, seed=seed, work=work, evaluate=evaluate)
        self.questions, self.gold, self.task, self.reft = questions, gold, task, reft
        self.max_new_tokens = max_new_tokens
        self.plain = model.get_base_model() if params.lora.rank else model
        self.backend = TransformersBackend(self.plain, tokenizer, batch_tokens=backend.batch_tokens)

    def _step(self, number: int) -> dict[str, float]:
        torch.manual_seed(self.seed * 1_000_003 + number)
        problems = self.questions[number - 1]
        how = rollout.sampling(
            self.reft, number, max_new_tokens=self.max_new_tokens, stop=self.task.stop, seed=self.seed
        )
        samples = evaluation.answer(self.task, self.backend, problems, how)
        right = self._encoded(problems, samples)
        losses = []
        for epoch in range(self.reft.inner_epochs):
            for part in mini_batches(problems, self.reft.mini_batches, f"{self.seed}-{number}-{epoch}"):
                gold = [self.gold[one.id] for one in part]
                examples = combined(gold, [one for problem in part for one in right.get(problem.id, ())])
                losses.append(self._learn(examples, number, norm=1.0))
                self._count("trained_tokens", sum(len(one.tokens) + len(one.source) for one in examples))
        self._count("optimizer_steps", len(losses))
        self._count("generated_completions", len(samples))
        self._count("generated_tokens", sum(one.tokens for one in samples))
        accuracy = sum(one.verdict.correct for one in samples) / len(samples)
        return {"loss": sum(losses) / len(losses), "sample_accuracy": accuracy}

    def _facts(self, number: int) -> dict[str, float]:
        return {**super()._facts(number), **self.standing.extra}

    def _encoded(self, problems: Sequence[Problem], samples: Sequence[Prediction]) -> dict[str, list[Encoded]]:
        """The right samples as training examples, by problem."""
        by_id = {one.id: one for one in problems}
        texts = [
            sample_example(self.task, by_id[name], one.text, ended=one.finish_reason != "length")
            for name, several in right_samples(samples).items()
            for one in several
        ]
        found: dict[str, list[Encoded]] = {}
        for one in _encode(self.plain, self.tokenizer, texts, self.params.max_length):
            found.setdefault(one.id, []).append(one)
        return found

    def _count(self, name: str, amount: int) -> None:
        self.standing.extra[name] = self.standing.extra.get(name, 0) + amount


def train_online(
    model_folder: Path,
    task: Task,
    problems: Sequence[Problem],
    reft: ReftParams,
    params: SelfTrainingParams,
    *,
    max_new_tokens: int,
    backend: BackendParams,
    seed: int,
    work: Path,
    out: Path,
    evaluate: Evaluate | None,
    learning_rate_scale: float = 1.0,
    dtype: Dtype = "float32",
) -> Standing:
    """Train a model online and write its best state by dev to `out`; a killed run goes on from `work`, as in `sft`.

    Raises TrainingError when no gold solution fits.
    """
    model: Any
    model, tokenizer = load_model(model_folder, dtype)
    tuning = _constant(params, learning_rate_scale)
    encoded = _encode(model, tokenizer, [example(task, one) for one in problems], tuning.max_length)
    gold = {one.id: cut(one, params.cut_gold) for one in encoded}
    if not gold:
        raise TrainingError(f"none of {len(problems)} gold solutions fits into {tuning.max_length} tokens")
    known = {one.id: one for one in problems if one.id in gold}
    questions = [[known[name] for name in step] for step in rollout.plan(list(known), reft, seed)]
    mark = json.dumps([reft.model_dump(mode="json"), params.model_dump(mode="json"), tuning.learning_rate, seed])
    order = repr([[gold[one.id] for one in step] for step in questions])
    fingerprint = hashlib.sha256(f"{mark} {weights_hash(model)} {order}".encode()).hexdigest()
    learner = with_lora(model, tuning.lora, seed) if tuning.lora.rank else model
    loop = OnlineLoop(
        learner, tokenizer, questions, gold, tuning,
        task=task, reft=reft, max_new_tokens=max_new_tokens, backend=backend, seed=seed, work=work, evaluate=evaluate,
    )  # fmt: skip
    loop.dropout = params.dropout
    standing = loop.run(fingerprint)
    if loop.accelerator.is_main_process:
        save_model(learner.merge_and_unload() if tuning.lora.rank else model, tokenizer, out)
    loop.accelerator.wait_for_everyone()
    return standing


def _constant(params: SelfTrainingParams, scale: float) -> SftParams:
    """The fine-tuning parameters with the online rate, constant."""
    rate = params.online_learning_rate * scale
    return params.fine_tuning.model_copy(update={"learning_rate": rate, "schedule": "constant", "warm_up_share": 0.0})


def _encode(model: Any, tokenizer: Any, examples: Sequence[Any], max_length: int) -> list[Encoded]:
    """Examples as tokens; those that are too long are left out."""
    longest = min(max_length, getattr(model.config, "max_position_embeddings", None) or max_length)
    seq2seq = bool(model.config.is_encoder_decoder)
    return encode_examples(tokenizer, examples, max_length=longest, seq2seq=seq2seq)[0]
