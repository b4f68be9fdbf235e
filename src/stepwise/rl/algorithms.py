"""The algorithms by name. Each is imported when it is chosen: TRL alone takes seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepwise.params import ParamsError


def get_algorithm(name: str) -> Callable[..., Any]:
    """An algorithm's `train`; all of them share their arguments and what they return.

    Raises:
        ParamsError: there is no such algorithm.
    """
    if name == "ppo":
        from stepwise.rl import train

        return train.train
    if name in ("grpo", "rloo"):
        from stepwise.rl import grpo_rloo

        return grpo_rloo.train
    raise ParamsError(f"algorithm: there is no {name!r}; choose ppo, grpo or rloo")
