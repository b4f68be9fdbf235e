"""The value of a state as a linear function of a model's last hidden state, stored as the released ReFT models do."""

from __future__ import annotations

from pathlib import Path

import torch
from torch.nn import Linear, Module

from stepwise.models.loading import ModelError

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


def load_value_head(path: Path) -> ValueHead:
    """The head in a safetensors file, which may hold other tensors too, as the released checkpoints do.

    Raises:
        ModelError: no such file, or no head in it.
    """
    from safetensors import SafetensorError, safe_open

    names = {name: PREFIX + "summary." + name for name in ("weight", "bias")}
    try:
        with safe_open(path, framework="pt") as stored:
            found = {name: stored.get_tensor(full) for name, full in names.items()}
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{path} has no value head ({error}); a model trained with PPO has one") from error
    head = ValueHead(found["weight"].shape[1])
    head.summary.load_state_dict({name: value.float() for name, value in found.items()})
    return head
