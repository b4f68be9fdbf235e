"""Optimisers: AdamW, and for models trained from scratch Muon, which reaches the same loss in fewer steps.

Muon updates the matrices between the embeddings, AdamW everything else. Both are torch's. Muon's updates are scaled to
the size of AdamW's (arXiv 2502.16982, section 2.2), so that one learning rate serves both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch


class MuonWithAdamW(torch.optim.Optimizer):
    """Two optimisers as one: groups with `orthogonal` true take Muon's step, the others AdamW's."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float = 1e-3) -> None:
        """A group has `params`, `orthogonal` and `weight_decay`."""
        groups = list(groups)
        inner = [group for group in groups if group.get("orthogonal")]
        rest = [group | {"orthogonal": False} for group in groups if not group.get("orthogonal")]
        makers: list[tuple[list[dict[str, Any]], Callable[[list[dict[str, Any]]], torch.optim.Optimizer]]] = [
            (inner, lambda chosen: torch.optim.Muon(chosen, lr=lr, adjust_lr_fn="match_rms_adamw")),
            (rest, lambda chosen: torch.optim.AdamW(chosen, lr=lr, betas=(0.9, 0.95))),
        ]
        self.parts = [make(chosen) for chosen, make in makers if chosen]
        super().__init__([group for part in self.parts for group in part.param_groups], {})
        self._share()

    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Update all parameters that have gradients."""
        assert closure is None, "this optimiser does not re-evaluate the loss"
        for part in self.parts:
            part.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a saved state."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Make both parts work on this optimiser's groups and state, so that there is only one of each."""
        for part in self.parts:
            part.state = self.state
            muon = isinstance(part, torch.optim.Muon)
            part.param_groups = [group for group in self.param_groups if group["orthogonal"] == muon]


BIAS_RATE = 10.0
"""Factor for T5's position biases: they are as large as attention scores, yet AdamW moves them as slowly as weights."""


def relative_rates(model: Any) -> dict[int, float]:
    """Factors on the learning rate of a model trained from scratch, by the parameter's `id`; 1 where there is none.

    T5's attention does not divide its scores by the root of the head size, so its queries learn that much slower.
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
    """`adamw` for everything, or `muon` for the matrices between the embeddings and AdamW for the rest.

    Norms and biases have no weight decay. Groups of `muon` have a `rate`, their factor on the run's learning rate.
    """
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    inner = {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Linear)}
    inner -= {id(module.weight) for module in model.modules() if isinstance(module, torch.nn.Embedding)}
    head = getattr(model, "get_output_embeddings", lambda: None)()
    inner -= {id(head.weight)} if head is not None else set()
    groups: list[dict[str, Any]] = [
        {"params": [p for p in trainable if id(p) in inner], "weight_decay": weight_decay},
        {"params": [p for p in trainable if id(p) not in inner and p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if name == "adamw":
        return torch.optim.AdamW([group for group in groups if group["params"]], fused=True)
    groups[0]["orthogonal"] = True
    rates = relative_rates(model)
    return MuonWithAdamW([part for group in groups for part in _by_rate(group, rates)])


def _by_rate(group: dict[str, Any], rates: dict[int, float]) -> list[dict[str, Any]]:
    """A group of parameters, split by their rates."""
    parameters: dict[float, list[torch.nn.Parameter]] = {}
    for parameter in group["params"]:
        parameters.setdefault(rates.get(id(parameter), 1.0), []).append(parameter)
    return [group | {"params": members, "rate": rate} for rate, members in parameters.items()]
