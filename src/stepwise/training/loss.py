"""Weighted cross-entropy of a causal or seq2seq model, with the output layer applied at learned positions only."""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import Module
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from stepwise.models.adapters import without_adapters

SCALED_OUTPUTS = ("final_logit_softcapping", "logit_scale", "logits_scaling")
"""Settings of models that change their logits after the output layer; for these the model's own logits are used."""


class WeightedLoss(Module):
    """A model that returns its loss, so that a distributed wrapper sees a single forward call.

    A classifier's targets are classes, at the positions with a weight above 0: the last token of each text.
    """

    def __init__(self, model: Any, chunk: int = 2048) -> None:
        """Wrap a transformers model (or a PEFT one); `chunk` learned positions at a time."""
        super().__init__()
        self.model = model
        self.chunk = chunk

    def forward(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """Sum over positions of weight x cross-entropy, in nats, as a scalar. The batch comes from `collate`."""
        inputs = {name: value for name, value in batch.items() if name not in ("targets", "weights")}
        learned = batch["weights"] > 0
        targets, weights = batch["targets"][learned], batch["weights"][learned]
        model = without_adapters(self.model)
        classifier = getattr(model, "score", None)
        if classifier is None and any(getattr(model.config, name, None) for name in SCALED_OUTPUTS):
            return _chunk_loss(model(**inputs, use_cache=False).logits[learned], targets, weights)
        hidden = hidden_states(model, inputs)[learned]
        head = classifier if classifier is not None else model.get_output_embeddings()
        total: torch.Tensor = hidden.new_zeros((), dtype=torch.float32)
        for start in range(0, max(len(targets), 1), self.chunk):  # even an empty pass has (zero) gradients
            rows = slice(start, start + self.chunk)
            arguments = (head, hidden[rows], targets[rows], weights[rows])
            total = total + (
                checkpoint(_head_loss, *arguments, use_reentrant=False)
                if len(targets) > self.chunk
                else _head_loss(*arguments)
            )
        return total


def hidden_states(model: Any, inputs: dict[str, torch.Tensor]) -> Any:
    """Last hidden states (batch, length, hidden) that the output layer would read."""
    if not model.config.is_encoder_decoder:
        return model.base_model(**inputs, use_cache=False).last_hidden_state
    encoded = model.get_encoder()(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
    hidden = model.get_decoder()(
        input_ids=inputs["decoder_input_ids"],
        encoder_hidden_states=encoded.last_hidden_state,
        encoder_attention_mask=inputs["attention_mask"],
        use_cache=False,
    ).last_hidden_state
    scaled = getattr(model.config, "scale_decoder_outputs", False)
    return hidden * model.model_dim**-0.5 if scaled else hidden


def _head_loss(head: Module, hidden: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return _chunk_loss(head(hidden), targets, weights)


def _chunk_loss(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    return (cross_entropy(logits.float(), targets, reduction="none") * weights).sum()
