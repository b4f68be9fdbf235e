"""The baseline of reinforcement learning: the warm start, rewarded for solutions that resemble the gold (spec 1.2).

The paper's reward is the BLEU of z, from RL4LMs; its settings are not published. `exact` rewards the right z alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from stepwise.methods.refiner.bleu import bleu
from stepwise.methods.refiner.domains.base import Domain
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.params.refiner import RefinerPpoParams, Reward
from stepwise.records import Problem
from stepwise.rl.algorithms import get_algorithm
from stepwise.rl.setup import RlResult, RlSetup

if TYPE_CHECKING:
    from stepwise.rl.setup import RewardFunction


def score(domain: Domain, problem: Problem, text: str, reward: Reward) -> float:
    """The reward of a solution, from 0 to 1: its BLEU against the reference, or whether its z is the gold's."""
    if reward == "exact":
        return float(domain.exact(problem, text))
    return bleu([(problem.reference.text, text)]) if problem.reference is not None else 0.0


def likeness(domain: Domain, problems: Mapping[str, Problem], reward: Reward) -> RewardFunction:
    """The reward function over problems by id."""

    def rewards(ids: Sequence[str], texts: Sequence[str]) -> list[float]:
        return [score(domain, problems[name], text, reward) for name, text in zip(ids, texts, strict=True)]

    return rewards


def train_by_reward(
    setup: RefinerSetup,
    start: Path,
    train: Sequence[Problem],
    dev: Sequence[Problem],
    params: RefinerPpoParams,
    work: Path,
) -> RlResult:
    """Train the warm start by the reward of its solutions; the state that solves most of dev is in `work`/model.

    Raises:
        TrainingError: no prompt fits, or the loss is not a finite number.
    """
    problems = {problem.id: problem for problem in train if problem.reference is not None}
    training = setup.training(work, setup.dev_solved(dev, params.dev_examples))
    return get_algorithm(params.algorithm)(
        start,
        {name: setup.task.prompt(problem) for name, problem in problems.items()},
        likeness(setup.domain, problems, params.reward),
        params,
        RlSetup(
            **vars(training),
            max_new_tokens=setup.task_params.max_new_tokens,
            stop=setup.task.stop,
            generation_tokens=setup.backend.batch_tokens,
        ),
    )
