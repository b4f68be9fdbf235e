"""Forward passes over a step's completions and the optimiser steps on them, in passes of a bounded number of tokens."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from stepwise.params import RlParams
from stepwise.rl import ppo
from stepwise.rl.actor_critic import ActorCritic, Outputs
from stepwise.rl.rollout import Rollout
from stepwise.training.accelerator import precision
from stepwise.training.batching import collate, group_by_length
from stepwise.training.encoding import Encoded
from stepwise.training.optimizers import make_optimizer
from stepwise.training.resumable_run import TrainingError


@dataclass
class Experience:
    """What a step's actions are learned by; every tensor is (sequences, actions)."""

    response_mask: Tensor
    logprobs: Tensor
    """Of the policy that sampled them."""
    values: Tensor
    advantages: Tensor
    returns: Tensor


class Pass(NamedTuple):
    """Sequences that are computed together, and the outputs."""

    rows: list[int]
    outputs: Outputs


class Learner:
    """The policy, its frozen reference and its optimiser. The modules stay in eval mode, so there is no dropout."""

    def __init__(
        self, actor: ActorCritic, frozen: Any, params: RlParams, accelerator: Any, *, pad: int, learning_rate: float
    ) -> None:
        """`frozen` is the reference model, or None if the policy has adapters, which are then switched off."""
        self.params, self.accelerator, self.pad = params, accelerator, pad
        self.device = accelerator.device
        self.actor = actor.to(self.device).eval()
        self.frozen = None if frozen is None else frozen.to(self.device).eval().requires_grad_(False)
        self.trainable = [parameter for parameter in actor.parameters() if parameter.requires_grad]
        self.optimizer = make_optimizer(actor, "adamw", 0.0)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        config = actor.model.config
        self.decoder_start = config.decoder_start_token_id if config.is_encoder_decoder else None

    def groups(self, encoded: Sequence[Encoded], rows: Sequence[int]) -> list[list[int]]:
        """The passes over some sequences, grouped by length; sequences without an action are in none."""
        rows = [row for row in rows if encoded[row].weights and encoded[row].weights[-1]]
        lengths = [encoded[row].length for row in rows]
        return [[rows[index] for index in group] for group in group_by_length(lengths, self.params.batch_tokens)]

    def reference(self, rollout: Rollout) -> Tensor:
        """Log-probabilities under the reference, (sequences, actions)."""
        logprobs = torch.zeros_like(rollout.response_mask, device=self.device)
        for rows in self.groups(rollout.encoded, range(len(rollout.encoded))):
            with precision(self.device, self.params.precision):
                flat = self.actor.reference(self._batch(rollout, rows), self.frozen)
            logprobs[rows] = spread(flat, rollout.response_mask[rows].to(self.device))
        return logprobs

    def old(self, rollout: Rollout, *, learn_policy: bool) -> tuple[Tensor, Tensor, list[Pass]]:
        """Log-probabilities and values before any update, both (sequences, actions), and passes to reuse.

        If the first optimiser step is on all sequences and they fit into one pass's tokens, the computation is kept
        with its graph, so that the first update needs no forward pass. Otherwise there is nothing to reuse.
        """
        groups = self.groups(rollout.encoded, range(len(rollout.encoded)))
        padded = sum(len(rows) * max(_width(rollout.encoded[row]) for row in rows) for rows in groups)
        keep = self.params.mini_batches == 1 and padded <= self.params.batch_tokens
        logprobs = torch.zeros_like(rollout.response_mask, device=self.device)
        values, passes = torch.zeros_like(logprobs), []
        for rows in groups:
            with torch.set_grad_enabled(keep):
                outputs = self._forward(rollout, rows, learn_policy=learn_policy)
            mask = rollout.response_mask[rows].to(self.device)
            logprobs[rows] = spread(outputs.logprobs.detach(), mask)
            values[rows] = spread(outputs.values.detach(), mask)
            passes += [Pass(rows, outputs)] if keep else []
        return logprobs, values, passes

    def update(
        self, rollout: Rollout, experience: Experience, kept: list[Pass], *, order: str, learn_policy: bool
    ) -> dict[str, float]:
        """Take all optimiser steps on a rollout; returns the means of their metrics.

        `kept` comes from `old`; `order` seeds the mini-batches.

        Raises:
            TrainingError: a loss or a gradient is not a finite number; the message names the sequences' prompts.
        """
        sums = {name: torch.zeros((), device=self.device) for name in (*PER_SEQUENCE, *PER_ACTION, *COUNTS)}
        updates = 0
        for epoch in range(self.params.inner_epochs):
            for rows in self._mini_batches(len(rollout.encoded), f"{order}-{epoch}"):
                known = {tuple(reusable.rows): reusable.outputs for reusable in kept} if epoch == 0 else {}
                kept = []
                sums["grad_norm"] += self._one_update(rollout, rows, known, experience, sums, learn_policy)
                updates += 1
        total = self._over_processes(sums)
        means = {name: float(total[name] / total["sequences"].clamp(min=1)) for name in PER_SEQUENCE}
        means |= {name: float(total[name] / total["actions"].clamp(min=1)) for name in PER_ACTION}
        return means | {"grad_norm": float(sums["grad_norm"]) / updates}

    def _one_update(
        self,
        rollout: Rollout,
        rows: list[int],
        known: dict[tuple[int, ...], Outputs],
        experience: Experience,
        sums: dict[str, Tensor],
        learn_policy: bool,
    ) -> Tensor:
        """One optimiser step on a mini-batch; returns the norm of its gradient."""
        count = self._over_processes({"count": torch.tensor(float(len(rows)), device=self.device)})["count"]
        bad: list[str] = []
        for group in [list(group) for group in known] or self.groups(rollout.encoded, rows):
            outputs = known.pop(tuple(group), None) or self._forward(rollout, group, learn_policy=learn_policy)
            losses = self._losses(outputs, group, experience, sums)
            (losses.sum() / count).backward()  # type: ignore[no-untyped-call]
            bad += [rollout.ids[row] for row, fine in zip(group, losses.isfinite().tolist(), strict=True) if not fine]
        sums["sequences"] += len(rows)
        if self.accelerator.num_processes > 1:
            for parameter in self.trainable:
                parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                parameter.grad = self.accelerator.reduce(parameter.grad, "sum")
        norm: Tensor = self.accelerator.clip_grad_norm_(self.trainable, self.params.clip)
        if bad or not math.isfinite(float(norm)):
            what = "the loss" if bad else "the gradient"
            names = ", ".join(dict.fromkeys(bad or [rollout.ids[row] for row in rows]))
            raise TrainingError(f"{what} is not a finite number in the completions of {names}")
        self.optimizer.step()
        self.optimizer.zero_grad()
        return norm

    def _losses(self, outputs: Outputs, rows: list[int], experience: Experience, sums: dict[str, Tensor]) -> Tensor:
        """L of each sequence of a pass, (rows,); adds its metrics to `sums`."""
        params, mask = self.params, experience.response_mask[rows]
        old_logprobs, old_values = experience.logprobs[rows], experience.values[rows]
        logprobs, values, entropy = (spread(flat, mask) for flat in outputs)
        policy = ppo.policy_loss(logprobs, old_logprobs, experience.advantages[rows], mask, params.clip_ratio)
        value = ppo.value_loss(values, old_values, experience.returns[rows], mask, params.clip_value)
        entropies = ppo.sequence_means(entropy, mask)
        losses = policy + params.value_coefficient * value - params.entropy_coefficient * entropies
        with torch.no_grad():
            ratio = ((logprobs - old_logprobs) * mask).exp()
            metrics = {"loss": losses, "policy_loss": policy, "value_loss": value, "entropy": entropies}
            metrics |= {"actions": mask, "ratio": ratio * mask}
            metrics["clip_fraction"] = ((ratio - 1).abs() > params.clip_ratio) * mask
            metrics["value_clip_fraction"] = ((values - old_values).abs() > params.clip_value) * mask
            for name, summands in metrics.items():
                sums[name] += summands.sum()
        return losses

    def _forward(self, rollout: Rollout, rows: list[int], *, learn_policy: bool) -> Outputs:
        with precision(self.device, self.params.precision):
            outputs: Outputs = self.actor(
                self._batch(rollout, rows),
                learn_policy=learn_policy,
                entropy_gradient=self.params.entropy_coefficient > 0,
            )
        return outputs

    def _batch(self, rollout: Rollout, rows: list[int]) -> dict[str, Tensor]:
        batch = collate([rollout.encoded[row] for row in rows], pad=self.pad, decoder_start=self.decoder_start)
        return {name: value.to(self.device) for name, value in batch.items()}

    def _mini_batches(self, count: int, order: str) -> list[list[int]]:
        """All sequences, shuffled into `mini_batches` parts of nearly equal size."""
        rows, parts = list(range(count)), self.params.mini_batches
        random.Random(order).shuffle(rows)
        return [sorted(rows[part::parts]) for part in range(parts)] if parts > 1 else [sorted(rows)]

    def _over_processes(self, sums: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.accelerator.num_processes == 1:
            return sums
        return {name: self.accelerator.reduce(sums[name], "sum") for name in sorted(sums)}


PER_SEQUENCE = ("loss", "policy_loss", "value_loss", "entropy")
PER_ACTION = ("ratio", "clip_fraction", "value_clip_fraction")
COUNTS = ("sequences", "actions", "grad_norm")


def spread(flat: Tensor, response_mask: Tensor) -> Tensor:
    """Numbers of actions (actions,) as a matrix (sequences, actions), 0 outside the mask."""
    zeros = flat.new_zeros(response_mask.shape)
    return zeros.masked_scatter(response_mask > 0, flat)


def _width(sequence: Encoded) -> int:
    return len(sequence.tokens) + len(sequence.source)
