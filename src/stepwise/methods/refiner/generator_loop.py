"""REFINER's training of the generator: an optimiser step takes all turns of its problems.

The loss of a step is the sum over turns of sum(weight x cross-entropy) / (target tokens of the first turn), so a turn
in which every problem is unsolved counts as much as the first. Gradients are added pass by pass; the turns' graphs are
never in memory together. Attempts are sampled for a window of steps at once; a killed run resumes inside a window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from stepwise.generation.transformers_backend import weights_hash
from stepwise.methods.refiner.refinement import Revision, by_problem, explore, turn_examples
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.models.adapters import with_lora, without_adapters
from stepwise.models.loading import load_model
from stepwise.params.refiner import RefinerTraining
from stepwise.records import Problem, Prompt, read_jsonl, write_jsonl
from stepwise.tasks.base import gold_examples
from stepwise.training.batching import plan_steps
from stepwise.training.encoding import Encoded, encode_for
from stepwise.training.resumable_run import TrainingError, TrainSetup, fingerprint
from stepwise.training.sft_loop import SftLoop


@dataclass(frozen=True)
class GeneratorResult:
    """What a run did: flat metrics, and its learning curve."""

    numbers: dict[str, float]
    curve: list[dict[str, float]]


@dataclass(frozen=True)
class Plan:
    """What is learned when: the problems of each optimiser step, their first turns as tokens, and where attempts go."""

    problems: Sequence[Sequence[Problem]]
    gold: dict[str, Encoded]
    params: RefinerTraining
    windows: Path
    """Folder of this run's attempts; another run has another one."""

    @property
    def window(self) -> int:
        """Optimiser steps whose attempts are sampled at once."""
        return self.params.window or math.ceil(len(self.gold) / self.params.fine_tuning.batch_examples)


class GeneratorLoop(SftLoop):
    """A run over planned steps of problems."""

    def __init__(self, model: Any, tokenizer: Any, refiner: RefinerSetup, plan: Plan, setup: TrainSetup) -> None:
        """Place model and optimiser; nothing is sampled yet."""
        steps = [[plan.gold[problem.id] for problem in step] for step in plan.problems]
        super().__init__(model, tokenizer, steps, plan.params.fine_tuning, setup)
        self.refiner, self.plan = refiner, plan
        self.policy = without_adapters(model)
        self.later: dict[str, list[Encoded]] = {}
        """Turns after the first of the window's problems, by problem."""
        self.window = -1
        """First step of the window that `later` belongs to, from 0."""

    def _step(self, number: int) -> dict[str, float]:
        start = (number - 1) // self.plan.window * self.plan.window
        if start != self.window:
            self._enter(start, number)
        torch.manual_seed(self.seed * 1_000_003 + number)
        first = self.steps[number - 1]
        examples = [*first, *(row for problem in first for row in self.later.get(problem.id, ()))]
        loss = self._update(examples, number, sum(weight for example in first for weight in example.weights))
        self._count("tokens", sum(len(example.tokens) + len(example.source) for example in examples))
        self._count("rows", len(examples))
        return {"loss": loss, "rows": float(len(examples))}

    def _enter(self, start: int, number: int) -> None:
        """Sample the attempts of the window that begins after `start` steps, or read them if it is under way."""
        steps = self.plan.problems[start : start + self.plan.window]
        problems = list({problem.id: problem for step in steps for problem in step}.values())
        path = self.plan.windows / f"{start:07d}.jsonl"
        if start == number - 1:
            revisions = self._explore(problems, start)
            if self.accelerator.is_main_process:
                write_jsonl(path, revisions)
        else:
            revisions = read_jsonl(path, Revision)
        grouped = by_problem(revisions)
        texts = [
            row for problem in problems for row in turn_examples(self.refiner.task, problem, grouped[problem.id])[1:]
        ]
        encoded, left_out = encode_for(self.policy, self.tokenizer, texts, self.params.max_length)
        self.later = {}
        for row in encoded:
            self.later.setdefault(row.id, []).append(row)
        self.window = start
        if start == number - 1:
            self._count("rows_left_out", sum(left_out.values()))

    def _explore(self, problems: Sequence[Problem], start: int) -> list[Revision]:
        params, refiner = self.plan.params, self.refiner
        backend = refiner.live_backend(self.policy, self.tokenizer)
        journal = self.plan.windows / f"{start:07d}-journal.jsonl" if self.accelerator.is_main_process else None
        sampling = refiner.sampling(
            temperature=params.temperature, top_p=params.top_p, top_k=params.top_k, seed=self.seed * 1_000_003 + start
        )

        def propose(prompts: Sequence[Prompt], count: int) -> list[list[str]]:
            written = backend.generate(prompts, replace(sampling, n=count), journal=journal)
            completions = [completion for samples in written for completion in samples]
            self._count("attempts", len(completions))
            self._count("attempt_tokens", sum(len(completion.token_ids) for completion in completions))
            return [[completion.text for completion in samples] for samples in written]

        return explore(refiner.task, refiner.domain, problems, propose, params, f"{self.seed}-{start}")

    def _count(self, name: str, amount: int) -> None:
        self.state.extra[name] = self.state.extra.get(name, 0) + amount


def train_generator(
    refiner: RefinerSetup,
    start: Path,
    train: Sequence[Problem],
    dev: Sequence[Problem],
    params: RefinerTraining,
    work: Path,
) -> GeneratorResult:
    """Train the warm start with the oracle in the loop; the best state by dev is in `work`/model.

    A killed run that is started again with the same arguments resumes and ends with the same bytes.

    Raises:
        TrainingError: no reference solution fits into the model, or the loss is not a finite number.
    """
    model, tokenizer = load_model(start, refiner.model_params.dtype)
    tuning = params.fine_tuning
    tuning = tuning.model_copy(
        update={"learning_rate": tuning.learning_rate * refiner.model_params.learning_rate_scale}
    )
    encoded, left_out = encode_for(model, tokenizer, gold_examples(refiner.task, train), tuning.max_length)
    gold = {example.id: example for example in encoded}
    if not gold:
        raise TrainingError(f"none of {len(train)} reference solutions fits into {tuning.max_length} tokens")
    problems = [problem for problem in train if problem.id in gold]
    order = plan_steps(len(problems), epochs=params.epochs, batch=tuning.batch_examples, seed=refiner.seed)
    steps = [[problems[index] for index in step] for step in order]
    run_id = fingerprint(params, tuning, refiner.seed, weights_hash(model), order, encoded)
    params = params.model_copy(update={"fine_tuning": tuning})
    turns = params.turns if params.select == "refined" else 1
    setup = refiner.training(work, refiner.dev_solved(dev, tuning.dev_examples, turns=turns))
    learner = with_lora(model, tuning.lora, refiner.seed)
    plan = Plan(steps, gold, params, work / f"attempts-{run_id[:16]}")
    loop = GeneratorLoop(learner, tokenizer, refiner, plan, setup)
    state = loop.run_and_export(run_id, setup.out)
    numbers = {"steps": float(len(steps)), "problems": float(len(problems)), **state.extra}
    numbers["rows_left_out"] = state.extra.get("rows_left_out", 0) + sum(left_out.values())
    if state.best_score is not None:
        numbers["best_dev_score"] = state.best_score
    return GeneratorResult(numbers, state.curve)
