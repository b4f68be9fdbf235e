"""What ReFT is compared with, at its budget: fine-tuning that goes on, offline and online self-training."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwise import evaluation
from stepwise.errors import StepwiseError
from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.reft.online import train_online
from stepwise.methods.reft.self_training import offline_examples, portions
from stepwise.models.loading import load_model
from stepwise.params import BackendParams, ModelParams, TaskParams
from stepwise.params.reft import ReftParams, SelfTrainingParams
from stepwise.records import Example, Prediction, Problem
from stepwise.rl import rollout
from stepwise.tasks.base import Task, example
from stepwise.training import sft
from stepwise.training.resumable_run import Evaluate

Curve = list[dict[str, float]]


class BaselineError(StepwiseError, ValueError):
    """A baseline that does not exist; the message names the known ones."""


@dataclass(frozen=True)
class Budget:
    """What ReFT spends, and so what its baselines may."""

    optimizer_steps: int
    completions: int


def budget(reft: ReftParams, problems: int, seed: int) -> Budget:
    """Optimiser steps and sampled completions of a ReFT run on so many training questions."""
    asked = sum(map(len, rollout.plan([str(number) for number in range(problems)], reft, seed)))
    return Budget(reft.steps * reft.inner_epochs * reft.mini_batches, asked * reft.samples)


@dataclass(frozen=True)
class Trained:
    """What a run did."""

    curve: Curve
    """Every row says what had been spent by then: optimizer_steps, generated_tokens, trained_tokens."""
    numbers: dict[str, float]
    """The same for the whole run, and the best dev score."""


@dataclass(frozen=True)
class Baseline:
    """One task with one base model: what all three have in common."""

    task: Task
    train: Sequence[Problem]
    dev: Sequence[Problem]
    start: Path
    """The warm-up model."""
    base: Path
    """The model before it."""
    of_task: TaskParams
    of_model: ModelParams
    reft: ReftParams
    params: SelfTrainingParams
    backend: BackendParams
    seed: int
    work: Path
    out: Path
    """Where the best state by dev is written."""

    def run(self, variant: str) -> Trained:
        """Train `sft`, `offline` or `online`. Raises BaselineError for another one."""
        if variant == "sft":
            return self._fine_tune(self.start, [example(self.task, one) for one in self.train], [])
        if variant == "offline":
            samples = self._sampled()
            examples = offline_examples(self.task, self.train, samples, self.params, self.seed)
            return self._fine_tune(self.base if self.params.from_base else self.start, examples, samples)
        if variant == "online":
            return self._online()
        raise BaselineError(f"there is no baseline {variant!r}; the baselines are sft, offline and online")

    def _fine_tune(self, start: Path, examples: Sequence[Example], samples: Sequence[Prediction]) -> Trained:
        result = sft.train(
            start,
            examples,
            self.params.fine_tuning,
            steps=self._budget.optimizer_steps,
            seed=self.seed,
            work=self.work / "training",
            out=self.out,
            evaluate=self._dev_accuracy,
            learning_rate_scale=self.of_model.learning_rate_scale,
            dtype=self.of_model.dtype,
        )
        trained = list(itertools.accumulate(result.step_tokens))
        generated = float(sum(one.tokens for one in samples))
        curve: Curve = [
            {
                **row,
                "optimizer_steps": row["step"],
                "generated_tokens": generated,
                "trained_tokens": float(trained[int(row["step"]) - 1]),
            }
            for row in result.curve
        ]
        numbers = {"examples": float(result.examples), "generated_completions": float(len(samples))}
        if samples:
            numbers["sample_accuracy"] = sum(one.verdict.correct for one in samples) / len(samples)
        return Trained(curve, {**numbers, **_spent(curve), **_best(result.best_step, result.best_score)})

    def _sampled(self) -> list[Prediction]:
        """Samples of the warm-up model on the training questions, as many as ReFT makes."""
        model, tokenizer = load_model(self.start, self.of_model.dtype)
        backend = TransformersBackend(model, tokenizer, batch_tokens=self.backend.batch_tokens)
        samples: list[Prediction] = []
        for problems, count in portions(self.train, self._budget.completions, self.seed):
            how = Sampling(
                max_new_tokens=self.of_task.max_new_tokens,
                temperature=self.reft.temperature,
                top_p=self.reft.top_p,
                top_k=self.reft.top_k,
                n=count,
                stop=self.task.stop,
                seed=self.seed,
            )
            samples += evaluation.answer(self.task, backend, problems, how, journal=self.work / "samples.jsonl")
        return samples

    def _online(self) -> Trained:
        standing = train_online(
            self.start,
            self.task,
            self.train,
            self.reft,
            self.params,
            max_new_tokens=self.of_task.max_new_tokens,
            backend=self.backend,
            seed=self.seed,
            work=self.work / "training",
            out=self.out,
            evaluate=self._dev_accuracy,
            learning_rate_scale=self.of_model.learning_rate_scale,
            dtype=self.of_model.dtype,
        )
        numbers = {"generated_completions": standing.extra["generated_completions"], **_spent(standing.curve)}
        return Trained(standing.curve, {**numbers, **_best(standing.best_step, standing.best_score)})

    @property
    def _budget(self) -> Budget:
        return budget(self.reft, len(self.train), self.seed)

    @property
    def _dev_accuracy(self) -> Evaluate:
        dev = evaluation.spread(self.dev, self.params.fine_tuning.dev_examples)
        return evaluation.dev_accuracy(self.task, dev, self.of_task.max_new_tokens, self.backend.batch_tokens)


def _spent(curve: Curve) -> dict[str, float]:
    return {name: curve[-1][name] for name in ("optimizer_steps", "generated_tokens", "trained_tokens")}


def _best(step: int | None, score: float | None) -> dict[str, float]:
    return {} if step is None or score is None else {"best_step": float(step), "best_dev_score": score}
