"""Four published ways of teaching a language model to reason step by step, in one pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepwise.solver import Solver


def load(model: str, task: str | None = None) -> Solver:
    """A trained model that answers questions; see solver.load."""
    from stepwise import solver

    return solver.load(model, task)
