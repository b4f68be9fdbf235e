"""What ReFT is compared with, at its budget: further fine-tuning, and offline and online self-training."""

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
from stepwise.methods.reft.train import TaskSetup
from stepwise.models.loading import load_model
from stepwise.params.reft import ReftParams, SelfTrainingParams
from stepwise.records import Example, Prediction
from stepwise.rl import rollout
from stepwise.tasks.base import gold_examples
from stepwise.training import sft

Curve = list[dict[str, float]]


class BaselineError(StepwiseError, ValueError):
    """A baseline that does not exist; the message names the known ones."""


@dataclass(frozen=True)
class Budget:
    """What ReFT spends, and so what its baselines may spend."""

    optimizer_steps: int
    completions: int


def budget(reft: ReftParams, problems: int, seed: int) -> Budget:
    """Optimiser steps and sampled completions of a ReFT run on so many training problems."""
    prompts = sum(map(len, rollout.plan([str(number) for number in range(problems)], reft, seed)))
    return Budget(reft.steps * reft.inner_epochs * reft.mini_batches, prompts * reft.samples)


@dataclass(frozen=True)
class Trained:
    """What a run did."""

    curve: Curve
    """Every row says what had been spent by then: optimizer_steps, generated_tokens, trained_tokens."""
    numbers: dict[str, float]
    """The same for the whole run, and the best dev score."""


@dataclass(frozen=True)
class Baseline:
    """What all three baselines have in common."""

    setup: TaskSetup
    start: Path
    """The warm-up model."""
    base: Path
    """The model that the warm-up started from."""
    reft: ReftParams
    params: SelfTrainingParams

    def run(self, variant: str) -> Trained:
        """Train `sft`, `offline` or `online`. Raises BaselineError for any other."""
        task, problems, seed = self.setup.task, self.setup.train, self.setup.seed
        if variant == "sft":
            return self._fine_tune(self.start, gold_examples(task, problems), [])
        if variant == "offline":
            samples = self._sampled()
            examples = offline_examples(task, problems, samples, self.params, seed)
            return self._fine_tune(self.base if self.params.from_base else self.start, examples, samples)
        if variant == "online":
            return self._online()
        raise BaselineError(f"there is no baseline {variant!r}; the baselines are sft, offline and online")

    def _fine_tune(self, start: Path, examples: Sequence[Example], samples: Sequence[Prediction]) -> Trained:
        tuning = self.params.fine_tuning
        setup = self.setup.rl_setup(tuning.dev_examples)
        result = sft.train(start, examples, tuning, setup, steps=self._budget.optimizer_steps)
        trained = list(itertools.accumulate(result.step_tokens))
        generated = float(sum(sample.tokens for sample in samples))
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
            numbers["sample_accuracy"] = sum(sample.verdict.correct for sample in samples) / len(samples)
        return Trained(curve, {**numbers, **_spent(curve), **_best(result.best_step, result.best_score)})

    def _sampled(self) -> list[Prediction]:
        """Samples of the warm-up model on the training problems, as many as ReFT makes."""
        setup = self.setup
        model, tokenizer = load_model(self.start, setup.model_params.dtype)
        backend = TransformersBackend(model, tokenizer, batch_tokens=setup.backend.batch_tokens)
        samples: list[Prediction] = []
        for problems, count in portions(setup.train, self._budget.completions, setup.seed):
            sampling = Sampling(
                max_new_tokens=setup.task_params.max_new_tokens,
                temperature=self.reft.temperature,
                top_p=self.reft.top_p,
                top_k=self.reft.top_k,
                n=count,
                stop=setup.task.stop,
                seed=setup.seed,
            )
            samples += evaluation.answer(setup.task, backend, problems, sampling, journal=setup.work / "samples.jsonl")
        return samples

    def _online(self) -> Trained:
        setup = self.setup.rl_setup(self.params.fine_tuning.dev_examples)
        state = train_online(self.start, self.setup.task, self.setup.train, self.reft, self.params, setup)
        numbers = {"generated_completions": state.extra["generated_completions"], **_spent(state.curve)}
        return Trained(state.curve, {**numbers, **_best(state.best_step, state.best_score)})

    @property
    def _budget(self) -> Budget:
        return budget(self.reft, len(self.setup.train), self.setup.seed)


def _spent(curve: Curve) -> dict[str, float]:
    return {name: curve[-1][name] for name in ("optimizer_steps", "generated_tokens", "trained_tokens")}


def _best(step: int | None, score: float | None) -> dict[str, float]:
    return {} if step is None or score is None else {"best_step": float(step), "best_dev_score": score}
