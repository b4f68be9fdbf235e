"""Muon for the matrices inside a model, AdamW for the rest: fewer steps to the same loss for models made from nothing.

Both are torch's; Muon's updates are scaled to the size of AdamW's (arXiv 2502.16982, section 2.2), so that one learning
rate serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch


class MuonWithAdamW(torch.optim.Optimizer):
    """One optimiser of two: groups with `orthogonal` true take Muon's step, others AdamW's."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float = 1e-3) -> None:
        """A group has `params`, `orthogonal` and `weight_decay`."""
        groups = list(groups)
        inner = [group for group in groups if group.get("orthogonal")]
        rest = [group | {"orthogonal": False} for group in groups if not group.get("orthogonal")]
        makers: list[tuple[list[dict[str, Any]], Callable[[list[dict[str, Any]]], torch.optim.Optimizer]]] = [
            (inner, lambda found: torch.optim.Muon(found, lr=lr, adjust_lr_fn="match_rms_adamw")),
            (rest, lambda found: torch.optim.AdamW(found, lr=lr, betas=(0.9, 0.95))),
        ]
        self.parts = [make(found) for found, make in makers if found]
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self._share()

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of all parameters that have gradients."""
        assert closure is None, "this optimiser does not evaluate the loss again"
        for part in self.parts:
            part.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Let the parts work on this optimiser's groups and state, so that there is one of each."""
        for part in self.parts:
            part.state = self.state
            muon = isinstance(part, torch.optim.Muon)
            part.param_groups = [group for group in self.param_groups if group["orthogonal"] == muon]
