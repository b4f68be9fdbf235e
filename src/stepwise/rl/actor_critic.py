"""The policy with its value head as one module, and the frozen reference: log-probabilities and values of actions."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

from stepwise.models.adapters import merged, with_lora, without_adapters
from stepwise.models.loading import load_model, save_model
from stepwise.models.value_head import ValueHead
from stepwise.params import RlParams
from stepwise.rl.setup import RlSetup
from stepwise.training.loss import SCALED_OUTPUTS, hidden_states

CHUNK_LOGITS = 2**25
"""Most logits held at a time (128 MiB in float32); a larger pass recomputes them for the gradient."""


class Outputs(NamedTuple):
    """Results of a forward pass at its actions, each (actions,): row after row of the batch, in float32."""

    logprobs: Tensor
    values: Tensor
    entropy: Tensor
    """In nats; without a gradient unless the entropy bonus needs one."""


class ActorCritic(Module):
    """A policy with a value head on its last hidden states, or on those of a second model."""

    def __init__(self, model: Any, critic: Any = None, *, temperature: float = 1.0) -> None:
        """Wrap a transformers (or PEFT) model; with a `critic`, a pass runs both."""
        super().__init__()
        self.model, self.critic, self.temperature = model, critic, temperature
        self.value_head = ValueHead(model.config.get_text_config().hidden_size)

    def forward(
        self, batch: dict[str, Tensor], *, learn_policy: bool = True, entropy_gradient: bool = False
    ) -> Outputs:
        """Outputs at the actions of a batch from `collate`, whose `weights` are the response mask.

        Without `learn_policy` only the values have a gradient, and it stops at the shared hidden states.
        """
        with nullcontext() if learn_policy else torch.no_grad():
            hidden, logits = action_states(self.model, batch)
            logprobs, entropy = logprobs_and_entropy(
                self.model, hidden, logits, batch, self.temperature, entropy_gradient
            )
        critic_hidden = hidden if self.critic is None else action_states(self.critic, batch)[0]
        return Outputs(logprobs, self.value_head(critic_hidden).float(), entropy)

    def reference(self, batch: dict[str, Tensor], frozen: Any) -> Tensor:
        """Log-probabilities (actions,) under the frozen model; None is the policy with its adapters switched off."""
        model = self.model if frozen is None else frozen
        without: AbstractContextManager[Any] = model.disable_adapter() if frozen is None else nullcontext()
        with torch.no_grad(), without:
            hidden, logits = action_states(model, batch)
            return logprobs_and_entropy(model, hidden, logits, batch, self.temperature, False)[0]

    def save(self, tokenizer: Any, out: Path) -> None:
        """Write the policy as a plain model, and below it in `value` the head and a critic of its own."""
        policy, critic = merged(self.model), merged(self.critic)
        save_model(policy, tokenizer, out)
        self.value_head.save(out / "value" / "head.safetensors")
        if critic is not None:
            save_model(critic, tokenizer, out / "value" / "model")


def load_actor_critic(model: Any, policy: str | Path, params: RlParams, setup: RlSetup) -> ActorCritic:
    """The loaded `policy` with adapters if `params` want them, and a critic of its own if they want that."""
    critic: Any = load_model(policy, setup.dtype)[0] if params.separate_value_model else None
    if critic is not None and critic.get_output_embeddings().weight is not critic.get_input_embeddings().weight:
        critic.get_output_embeddings().requires_grad_(False)
    actor = with_lora(model, params.lora, setup.seed)
    critic = None if critic is None else with_lora(critic, params.lora, setup.seed)
    return ActorCritic(actor, critic, temperature=params.temperature)


def action_states(model: Any, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor | None]:
    """Last hidden states (actions, hidden); also logits, if the model's are more than its output layer's."""
    actions = batch["weights"] > 0
    inputs = {name: value for name, value in batch.items() if name not in ("targets", "weights")}
    plain = without_adapters(model)
    if any(getattr(plain.config, name, None) for name in SCALED_OUTPUTS):
        outputs = plain(**inputs, use_cache=False, output_hidden_states=True)
        layers = outputs.decoder_hidden_states if plain.config.is_encoder_decoder else outputs.hidden_states
        return layers[-1][actions], outputs.logits[actions]
    return hidden_states(plain, inputs)[actions], None


def logprobs_and_entropy(
    model: Any, hidden: Tensor, logits: Tensor | None, batch: dict[str, Tensor], temperature: float, gradient: bool
) -> tuple[Tensor, Tensor]:
    """Log-probability of each action and entropy of its distribution, both (actions,); `gradient` is the entropy's."""
    targets = batch["targets"][batch["weights"] > 0]
    if logits is not None:
        return _of_logits(torch.nn.Identity(), logits, targets, temperature, gradient)
    head = model.get_output_embeddings()
    rows = max(1, CHUNK_LOGITS // head.weight.shape[0])
    if len(targets) <= rows:
        return _of_logits(head, hidden, targets, temperature, gradient)
    parts = [
        checkpoint(_of_logits, head, hidden_part, targets_part, temperature, gradient, use_reentrant=False)
        for hidden_part, targets_part in zip(torch.split(hidden, rows), torch.split(targets, rows), strict=True)
    ]
    return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])


def _of_logits(
    head: Module, hidden: Tensor, targets: Tensor, temperature: float, gradient: bool
) -> tuple[Tensor, Tensor]:
    logits = head(hidden).float()
    logits = logits if temperature == 1.0 else logits / temperature
    logprobs = -cross_entropy(logits, targets, reduction="none")
    with nullcontext() if gradient else torch.no_grad():
        entropy = logits.logsumexp(-1) - (logits.softmax(-1) * logits).sum(-1)
    return logprobs, entropy
