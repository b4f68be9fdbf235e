"""The value of a state as a linear function of a model's last hidden state, stored as the released ReFT models do."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import Linear, Module

PREFIX = "v_head."
"""Names in a file: `v_head.summary.weight` (1, hidden) and `v_head.summary.bias` (1,)."""


class ValueHead(Module):
    """hidden -> value. It starts at zero, so that no random value steers the first steps."""

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.summary = Linear(hidden, 1)
        torch.nn.init.zeros_(self.summary.weight)
        torch.nn.init.zeros_(self.summary.bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Values (...) of hidden states (..., hidden), computed in the head's own type."""
        values: torch.Tensor = self.summary(hidden.to(self.summary.weight.dtype))[..., 0]
        return values

    def save(self, path: Path) -> None:
        """Write the head as safetensors."""
        from safetensors.torch import save_file

        path.parent.mkdir(parents=True, exist_ok=True)
        tensors = {PREFIX + name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        save_file(tensors, path)
