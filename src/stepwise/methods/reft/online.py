"""Online self-training: a step samples from the live policy and learns from the right samples and the gold solutions.

Its problems and their sampling seeds are those of ReFT's step, so that the two differ only in what they learn from the
samples.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from stepwise import evaluation
from stepwise.generation.transformers_backend import TransformersBackend, weights_hash
from stepwise.methods.reft.self_training import combined, cut, mini_batches, right_samples, sample_example
from stepwise.models.adapters import with_lora, without_adapters
from stepwise.models.loading import load_model
from stepwise.params import SftParams
from stepwise.params.reft import ReftParams, SelfTrainingParams
from stepwise.records import Prediction, Problem
from stepwise.rl import rollout
from stepwise.rl.setup import RlSetup
from stepwise.tasks.base import Task, gold_examples
from stepwise.training.checkpoints import TrainState
from stepwise.training.encoding import Encoded, encode_for
from stepwise.training.resumable_run import TrainingError, fingerprint
from stepwise.training.sft_loop import SftLoop


class OnlineLoop(SftLoop):
    """A run of `reft.steps` steps, each of inner_epochs x mini_batches optimiser steps on one set of samples."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        task: Task,
        plan: Sequence[Sequence[Problem]],
        gold: dict[str, Encoded],
        reft: ReftParams,
        params: SftParams,
        setup: RlSetup,
    ) -> None:
        """`plan` has the problems of each step, `gold` their solutions as tokens."""
        steps = [[gold[problem.id] for problem in step] for step in plan]
        super().__init__(model, tokenizer, steps, params, setup)
        self.plan, self.gold, self.task, self.reft, self.setup = plan, gold, task, reft, setup
        self.policy = without_adapters(model)
        self.backend = TransformersBackend(self.policy, tokenizer, batch_tokens=setup.generation_tokens)

    def _step(self, number: int) -> dict[str, float]:
        torch.manual_seed(self.seed * 1_000_003 + number)
        problems = self.plan[number - 1]
        sampling = rollout.step_sampling(
            self.reft, number, max_new_tokens=self.setup.max_new_tokens, stop=self.setup.stop, seed=self.seed
        )
        samples = evaluation.answer(self.task, self.backend, problems, sampling)
        right = self._encoded(problems, samples)
        losses = []
        for epoch in range(self.reft.inner_epochs):
            for part in mini_batches(problems, self.reft.mini_batches, f"{self.seed}-{number}-{epoch}"):
                gold = [self.gold[problem.id] for problem in part]
                examples = combined(gold, [sample for problem in part for sample in right.get(problem.id, ())])
                losses.append(self._update(examples, number, norm=1.0))
                self._count("trained_tokens", sum(len(example.tokens) + len(example.source) for example in examples))
        self._count("optimizer_steps", len(losses))
        self._count("generated_completions", len(samples))
        self._count("generated_tokens", sum(sample.tokens for sample in samples))
        accuracy = sum(sample.verdict.correct for sample in samples) / len(samples)
        return {"loss": sum(losses) / len(losses), "sample_accuracy": accuracy}

    def _last_step_metrics(self, number: int) -> dict[str, float]:
        return {**super()._last_step_metrics(number), **self.state.extra}

    def _encoded(self, problems: Sequence[Problem], samples: Sequence[Prediction]) -> dict[str, list[Encoded]]:
        """The right samples as training examples, by problem; those that are too long are left out."""
        by_id = {problem.id: problem for problem in problems}
        texts = [
            sample_example(self.task, by_id[name], sample.text, ended=sample.finish_reason != "length")
            for name, right in right_samples(samples).items()
            for sample in right
        ]
        by_problem: dict[str, list[Encoded]] = {}
        for encoded in encode_for(self.policy, self.tokenizer, texts, self.params.max_length)[0]:
            by_problem.setdefault(encoded.id, []).append(encoded)
        return by_problem

    def _count(self, name: str, amount: int) -> None:
        self.state.extra[name] = self.state.extra.get(name, 0) + amount


def train_online(
    model_folder: Path,
    task: Task,
    problems: Sequence[Problem],
    reft: ReftParams,
    params: SelfTrainingParams,
    setup: RlSetup,
) -> TrainState:
    """Train a model online and write its best state by dev to `setup.out`; a killed run resumes, as in `sft.train`.

    Raises TrainingError if no gold solution fits.
    """
    model, tokenizer = load_model(model_folder, setup.dtype)
    tuning = _constant_rate(params, setup.learning_rate_scale)
    encoded, _ = encode_for(model, tokenizer, gold_examples(task, problems), tuning.max_length)
    gold = {solution.id: cut(solution, params.cut_gold) for solution in encoded}
    if not gold:
        raise TrainingError(f"none of {len(problems)} gold solutions fits into {tuning.max_length} tokens")
    by_id = {problem.id: problem for problem in problems if problem.id in gold}
    plan = [[by_id[name] for name in step] for step in rollout.plan(list(by_id), reft, setup.seed)]
    order = [[gold[problem.id] for problem in step] for step in plan]
    run_id = fingerprint(reft, params, tuning.learning_rate, setup.seed, weights_hash(model), order)
    learner = with_lora(model, tuning.lora, setup.seed)
    loop = OnlineLoop(learner, tokenizer, task, plan, gold, reft, tuning, setup)
    loop.dropout = params.dropout
    return loop.run_and_export(run_id, setup.out)


def _constant_rate(params: SelfTrainingParams, scale: float) -> SftParams:
    """The fine-tuning parameters with the online learning rate, kept constant."""
    rate = params.online_learning_rate * scale
    return params.fine_tuning.model_copy(update={"learning_rate": rate, "schedule": "constant", "warm_up_share": 0.0})
