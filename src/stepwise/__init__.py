"""Four published ways of teaching a language model to reason step by step, in one pipeline."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from stepwise.solver import Solver

# PyTorch and oneDNN keep a compiled product for each of the last 1024 shapes that a bfloat16 model met on the CPU, each
# of about 0.7 MiB. Batches here have as many shapes as they have lengths; with so few kept, memory stays flat and no
# time is lost. Both read this at their first product.
os.environ.setdefault("LRU_CACHE_CAPACITY", "64")
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")


def load(model: str, task: str | None = None) -> Solver:
    """A trained model that answers questions; see solver.load."""
    from stepwise import solver

    return solver.load(model, task)
