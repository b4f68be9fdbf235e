"""Generators that learn from reference solutions alone: the warm start, and what REFINER is compared with.

warm_start  from the base model, on a share of the references (arXiv 2304.01904, section 4: 10 %)
continued   from the warm start, on all references, with the steps, the schedule and on average the tokens a step of
            REFINER's training
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwise import evaluation
from stepwise.errors import StepwiseError
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.models.loading import load_tokenizer
from stepwise.params.refiner import RefinerTraining, WarmStartParams
from stepwise.records import Problem
from stepwise.tasks.base import gold_examples
from stepwise.tokens import encode_many
from stepwise.training import sft


class BudgetError(StepwiseError, ValueError):
    """A run whose steps and tokens are not known; the message names the file and the remedy."""


@dataclass(frozen=True)
class Budget:
    """Optimiser steps and real tokens of a training run."""

    steps: int
    tokens: int

    @classmethod
    def read(cls, metrics: Path) -> Budget:
        """From the metrics of REFINER's training. Raises BudgetError if they are not there."""
        if not metrics.is_file():
            raise BudgetError(f"{metrics} does not exist; run `refiner_train_generator` first")
        numbers = json.loads(metrics.read_text(encoding="utf-8"))
        return cls(int(numbers["steps"]), int(numbers["tokens"]))


def warm_start(
    setup: RefinerSetup,
    base: Path,
    train: Sequence[Problem],
    dev: Sequence[Problem],
    params: WarmStartParams,
    work: Path,
) -> sft.SftResult:
    """Fine-tune the base model on evenly spaced references; the model is in `work`/model.

    Raises TrainingError if no example fits into the model, or the loss is not a finite number.
    """
    solved = [problem for problem in train if problem.reference is not None]
    chosen = evaluation.spread(solved, max(1, round(params.share * len(solved))))
    training = setup.training(work, setup.dev_solved(dev, params.fine_tuning.dev_examples))
    return sft.train(base, gold_examples(setup.task, chosen), params.fine_tuning, training, epochs=params.epochs)


def continued(
    setup: RefinerSetup,
    start: Path,
    train: Sequence[Problem],
    dev: Sequence[Problem],
    params: RefinerTraining,
    budget: Budget,
    work: Path,
) -> sft.SftResult:
    """Fine-tune the warm start on all references within a budget; the model is in `work`/model.

    Raises TrainingError if no example fits into the model, or the loss is not a finite number.
    """
    examples = gold_examples(setup.task, train)
    lengths = [
        len(ids) for ids in encode_many(load_tokenizer(start), [[span.text for span in row.spans] for row in examples])
    ]
    batch = max(1, round(budget.tokens / budget.steps / (1 + sum(lengths) / len(lengths))))  # 1 for EOS
    tuning = params.fine_tuning.model_copy(update={"batch_examples": batch})
    training = setup.training(work, setup.dev_solved(dev, tuning.dev_examples))
    return sft.train(start, examples, tuning, training, steps=budget.steps)
