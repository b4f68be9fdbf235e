"""Muon for the matrices inside a model, AdamW for the rest: fewer steps to the same loss for models made from nothing.

Muon: momentum whose matrix is made orthogonal by a Newton-Schulz iteration (K. Jordan, 2024); its updates are scaled to
the size of AdamW's, so that one learning rate serves both (J. Liu and others, arXiv 2502.16982, section 2.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the quintic iteration; they drive singular values between about 0.7 and 1.2."""


class Muon(torch.optim.Optimizer):
    """Groups with `orthogonal` true take Muon's step, others AdamW's; weight decay is decoupled in both."""

    def __init__(self, groups: Iterable[dict[str, Any]], lr: float = 1e-3) -> None:
        """A group has `params`, `orthogonal` and `weight_decay`."""
        super().__init__(groups, {"lr": lr, "orthogonal": False, "weight_decay": 0.0})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """One update of all parameters that have gradients."""
        assert closure is None, "this optimiser does not evaluate the loss again"
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update = orthogonal_update if group["orthogonal"] else adam_update
                    parameter.mul_(1 - group["lr"] * group["weight_decay"])
                    parameter.sub_(update(parameter.grad, self.state[parameter]), alpha=group["lr"])


def orthogonal_update(gradient: torch.Tensor, state: dict[str, torch.Tensor], momentum: float = 0.95) -> torch.Tensor:
    """Nesterov momentum of a matrix gradient made orthogonal, with the root mean square 0.2 of an AdamW step."""
    if "momentum" not in state:
        state["momentum"] = torch.zeros_like(gradient)
    state["momentum"].lerp_(gradient, 1 - momentum)
    matrix = gradient.lerp(state["momentum"], momentum)
    size: float = 0.2 * max(matrix.shape) ** 0.5
    return orthogonal(matrix) * size


def orthogonal(matrix: torch.Tensor, iterations: int = 5) -> torch.Tensor:
    """The nearest semi-orthogonal matrix, roughly: all singular values near 1. Any shape of two dimensions."""
    a, b, c = COEFFICIENTS
    x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
    x = x / (x.norm() + 1e-7)
    for _ in range(iterations):
        gram = x @ x.T
        x = torch.add(a * x, (b * gram + c * gram @ gram) @ x)
    return x.T if matrix.shape[0] > matrix.shape[1] else x


def adam_update(
    gradient: torch.Tensor, state: dict[str, torch.Tensor], betas: tuple[float, float] = (0.9, 0.95)
) -> torch.Tensor:
    """Adam's step with bias correction, for a learning rate of 1."""
    if "step" not in state:
        state |= {"step": torch.zeros(()), "mean": torch.zeros_like(gradient), "square": torch.zeros_like(gradient)}
    state["step"] += 1
    state["mean"].lerp_(gradient, 1 - betas[0])
    state["square"].lerp_(gradient.square(), 1 - betas[1])
    mean: torch.Tensor = state["mean"] / (1 - betas[0] ** state["step"])
    square: torch.Tensor = state["square"] / (1 - betas[1] ** state["step"])
    update: torch.Tensor = mean / (square.sqrt() + 1e-8)
    return update
