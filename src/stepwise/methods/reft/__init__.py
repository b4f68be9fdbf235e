"""ReFT (arXiv 2401.08967): reinforcement on checked answers after a warm-up."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

ALGORITHMS = {
    "ppo": "stepwise.methods.reft.trainer:train",
    "grpo": "stepwise.training.trl_policy:train",
    "rloo": "stepwise.training.trl_policy:train",
}
"""Where each algorithm's `train` is; they share their arguments and what they return."""


def get_algorithm(name: str) -> Callable[..., Any]:
    """The training function of an algorithm. Raises ParamsError for one that is not here."""
    from stepwise.params import ParamsError

    if name not in ALGORITHMS:
        raise ParamsError(f"reft.algorithm: {name!r} is not here; take one of {', '.join(sorted(ALGORITHMS))}")
    module, _, function = ALGORITHMS[name].partition(":")
    found: Callable[..., Any] = getattr(import_module(module), function)
    return found
