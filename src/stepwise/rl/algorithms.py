"""The algorithms by name. Each is imported only when it is chosen: importing TRL takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from stepwise.params import ParamsError, RlParams
from stepwise.records import Prompt
from stepwise.rl.setup import RewardFunction, RlResult, RlSetup

Algorithm = Callable[[str | Path, Mapping[str, Prompt], RewardFunction, RlParams, RlSetup], RlResult]
"""Trains the policy in a folder on prompts (by id) with a reward."""


def get_algorithm(name: str) -> Algorithm:
    """The `train` function of an algorithm.

    Raises:
        ParamsError: there is no such algorithm.
    """
    if name == "ppo":
        from stepwise.rl import ppo_trainer

        return ppo_trainer.train
    if name in ("grpo", "rloo"):
        from stepwise.rl import grpo_rloo

        return grpo_rloo.train
    raise ParamsError(f"algorithm: there is no {name!r}; choose ppo, grpo or rloo")
