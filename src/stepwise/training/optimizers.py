"""Optimisers: AdamW, and for models made from nothing Muon, which takes fewer steps to the same loss.

Muon moves the matrices between embeddings, AdamW the rest.

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


BIAS_RATE = 10.0
"""Larger steps of T5's position biases: they are of the size of scores, where AdamW moves them as it moves weights."""


def relative_rates(model: Any) -> dict[int, float]:
    """Learning rates of a model made from nothing that are not the run's: a factor by the parameter's `id`.

    T5's attention does not divide its scores by the root of a head's size, so its queries move as much slower.
    """
    config: Any = getattr(model, "config", None)
    if getattr(config, "model_type", "") != "t5":
        return {}
    rates = {".q.weight": config.d_kv**-0.5, ".relative_attention_bias.weight": BIAS_RATE}
    return {
        id(weight): rate
        for name, weight in model.named_parameters()
        for end, rate in rates.items()
        if name.endswith(end)
    }


def make_optimizer(model: torch.nn.Module, name: str, weight_decay: float) -> torch.optim.Optimizer:
    """`adamw`, or `muon` for the matrices between embeddings and AdamW for the rest; norms and biases do not decay.

    Groups of `muon` have a `rate`: times the run's learning rate, their own.
    """
    learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
    inner = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Linear)}
    inner -= {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    head = getattr(model, "get_output_embeddings", lambda: None)()
    inner -= {id(head.weight)} if head is not None else set()
    groups: list[dict[str, Any]] = [
        {"params": [one for one in learned if id(one) in inner], "weight_decay": weight_decay},
        {"params": [one for one in learned if id(one) not in inner and one.ndim > 1], "weight_decay": weight_decay},
        {"params": [one for one in learned if one.ndim <= 1], "weight_decay": 0.0},
    ]
    if name == "adamw":
        return torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
    groups[0]["orthogonal"] = True
    rates = relative_rates(model)
    return MuonWithAdamW([part for group in groups for part in _by_rate(group, rates)])


def _by_rate(group: dict[str, Any], rates: dict[int, float]) -> list[dict[str, Any]]:
    """A group of parameters, cut by their rates."""
    found: dict[float, list[torch.nn.Parameter]] = {}
    for one in group["params"]:
        found.setdefault(rates.get(id(one), 1.0), []).append(one)
    return [group | {"params": some, "rate": rate} for rate, some in found.items()]
