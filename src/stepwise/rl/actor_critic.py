"""The policy with its value head as one module, and the frozen reference: log-probabilities and values of actions."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from stepwise.models.value_head import ValueHead
from stepwise.training.loss import SCALED_OUTPUTS, hidden_states

CHUNK_LOGITS = 2**25
"""Most logits at a time (128 MiB in float32); a pass with more computes them again for the gradient."""


class Outputs(NamedTuple):
    """What a pass says of its actions, each (actions,): row after row of the batch, in float32."""

    logprobs: Tensor
    values: Tensor
    entropy: Tensor
    """In nats; without a gradient unless the bonus needs one."""


class ActorCritic(Module):
    """A policy with a value head on its last hidden states, or on those of a second model."""

    def __init__(self, model: Any, critic: Any = None, *, temperature: float = 1.0) -> None:
        """Wrap a transformers (or PEFT) model; a pass with `critic` runs both."""
        super().__init__()
        self.model, self.critic, self.temperature = model, critic, temperature
        self.value_head = ValueHead(model.config.get_text_config().hidden_size)

    def forward(
        self, batch: dict[str, Tensor], *, learn_policy: bool = True, entropy_gradient: bool = False
    ) -> Outputs:
        """Outputs at the actions of a batch as `collate` makes it: its `weights` are the response mask.

        Without `learn_policy` only values have a gradient, and it ends at the shared hidden states.
        """
        with nullcontext() if learn_policy else torch.no_grad():
            hidden, logits = states(self.model, batch)
            logprobs, entropy = chosen(self.model, hidden, logits, batch, self.temperature, entropy_gradient)
        read = hidden if self.critic is None else states(self.critic, batch)[0]
        return Outputs(logprobs, self.value_head(read).float(), entropy)

    def reference(self, batch: dict[str, Tensor], frozen: Any) -> Tensor:
        """Log-probabilities (actions,) under the frozen model; None is the policy with its adapters switched off."""
        model = self.model if frozen is None else frozen
        without: AbstractContextManager[Any] = model.disable_adapter() if frozen is None else nullcontext()
        with torch.no_grad(), without:
            hidden, logits = states(model, batch)
            return chosen(model, hidden, logits, batch, self.temperature, False)[0]


def states(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
    """Last hidden states (actions, hidden), and logits where the model's own are not just its output layer."""
    actions = batch["weights"] > 0
    inputs = {name: value for name, value in batch.items() if name not in ("targets", "weights")}
    plain = model.get_base_model() if hasattr(model, "get_base_model") else model
    if any(getattr(plain.config, name, None) for name in SCALED_OUTPUTS):
        found = plain(**inputs, use_cache=False, output_hidden_states=True)
        layers = found.decoder_hidden_states if plain.config.is_encoder_decoder else found.hidden_states
        return layers[-1][actions], found.logits[actions]
    return hidden_states(plain, inputs)[actions], None


def chosen(
    model: Any, hidden: Tensor, logits: Tensor | None, batch: dict[str, Tensor], temperature: float, gradient: bool
) -> tuple[Tensor, Tensor]:
    """Log-probability of each action and entropy of its distribution, (actions,) both; `gradient` is the entropy's."""
    targets = batch["targets"][batch["weights"] > 0]
    if logits is not None:
        return _distribution(torch.nn.Identity(), logits, targets, temperature, gradient)
    head = model.get_output_embeddings()
    rows = max(1, CHUNK_LOGITS // head.weight.shape[0])
    if len(targets) <= rows:
        return _distribution(head, hidden, targets, temperature, gradient)
    parts = [
        checkpoint(_distribution, head, part, wanted, temperature, gradient, use_reentrant=False)
        for part, wanted in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
    ]
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def _distribution(
    head: Module, hidden: Tensor, targets: Tensor, temperature: float, gradient: bool
) -> tuple[Tensor, Tensor]:
    logits = head(hidden).float()
    logits = logits if temperature == 1.0 else logits / temperature
    logprobs = -cross_entropy(logits, targets, reduction="none")
    with nullcontext() if gradient else torch.no_grad():
        entropy = logits.logsumexp(-1) - (logits.softmax(-1) * logits).sum(-1)
    return logprobs, entropy
