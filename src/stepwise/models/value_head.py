"""A value head: the value of a state as a linear function of a model's last hidden state."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import Linear, Module

PREFIX = "v_head."
"""In a file the tensors have TRL's names: `v_head.summary.weight` (1, hidden) and `v_head.summary.bias` (1,)."""


class ValueHead(Module):
    """Maps hidden states to values. It starts at zero, so that no random values steer the first steps."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.summary = Linear(hidden, 1)
        torch.nn.init.zeros_(self.summary.weight)
        torch.nn.init.zeros_(self.summary.bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Values (...) of hidden states (..., hidden), in the head's own type."""
        values: torch.Tensor = self.summary(hidden.to(self.summary.weight.dtype))[..., 0]
        return values

    def save(self, path: Path) -> None:
        """Write the head as safetensors."""
        from safetensors.torch import save_file

        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {PREFIX + name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        save_file(tensors, path)
