"""The loop of supervised fine-tuning: what one of its steps does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.models.adapters import merged, without_adapters
from stepwise.models.loading import save_model
from stepwise.params import SftParams
from stepwise.progress import Progress
from stepwise.training.accelerator import precision
from stepwise.training.batching import collate, passes, sizes
from stepwise.training.encoding import Encoded
from stepwise.training.optimizers import make_optimizer
from stepwise.training.resumable_run import ResumableRun, TrainingError, TrainSetup

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CURVE_ROWS = 50
"""Approximate number of rows in the learning curve."""


class SftLoop(ResumableRun):
    """A run over planned steps; when `run` is over, `model` holds the best state.

    `setup.learning_rate_scale` is already in the learning rate of `params`.
    """

    dropout = True

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerBase,
        steps: Sequence[Sequence[Encoded]],
        params: SftParams,
        setup: TrainSetup,
    ) -> None:
        """Place model and optimiser; nothing is computed yet."""
        import torch

        from stepwise.training.loss import WeightedLoss

        evaluations = params.evaluations if setup.evaluate else 0
        super().__init__(
            work=setup.work, evaluations=evaluations, saves=params.saves, rows=CURVE_ROWS, deepspeed=params.deepspeed
        )
        self.model = self.module = model
        self.tokenizer, self.steps, self.params = tokenizer, steps, params
        self.total, self.seed, self.evaluate = len(steps), setup.seed, setup.evaluate
        optimizer = make_optimizer(model, params.optimizer, params.weight_decay)
        self.loss, self.optimizer = self.accelerator.prepare(WeightedLoss(model), optimizer)
        self.trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.decoder_start = model.config.decoder_start_token_id if model.config.is_encoder_decoder else None
        self.zero = torch.zeros((), device=self.accelerator.device)
        self.tokens = [sizes(step, params.batch_tokens)[0] for step in steps]

    def _progress(self, done: int) -> Progress:
        tokens = sum(self.tokens[:done])
        return Progress("training", self.total, tokens=sum(self.tokens), done=done, done_tokens=tokens)

    def _tokens(self, number: int) -> int:
        return self.tokens[number - 1]

    def _last_step_metrics(self, number: int) -> dict[str, float]:
        return {"learning_rate": self.params.learning_rate * rate_factor(number, self.total, self.params)}

    def _score(self) -> float | None:
        return self.evaluate(without_adapters(self.model).eval(), self.tokenizer) if self.evaluate else None

    def _export(self, out: Path) -> None:
        save_model(merged(self.model), self.tokenizer, out)

    def _step(self, number: int) -> dict[str, float]:
        import torch

        torch.manual_seed(self.seed * 1_000_003 + number)
        step = self.steps[number - 1]
        return {"loss": self._update(step, number, sum(weight for example in step for weight in example.weights))}

    def _update(self, step: Sequence[Encoded], number: int, norm: float) -> float:
        """One optimiser step on examples; returns its loss, sum(weight x cross-entropy) / norm, in nats."""
        accelerator = self.accelerator
        self.model.train(self.dropout)
        groups = passes(step, self.params.batch_tokens, rank=accelerator.process_index, world=accelerator.num_processes)
        rate = self.params.learning_rate * rate_factor(number, len(self.steps), self.params)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group.get("rate", 1.0)
        total = self.zero.clone()
        for index, group in enumerate(groups):
            total += self._backward(group, norm, number, last=index == len(groups) - 1)
        accelerator.clip_grad_norm_(self.trainable, self.params.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(accelerator.reduce(total, "sum"))

    def _backward(self, group: list[Encoded], norm: float, number: int, *, last: bool) -> Any:
        """Add the gradients of one pass. The wrapper averages over processes, hence the factor."""
        import torch

        accelerator = self.accelerator
        batch = collate(group or self.steps[0][:1], pad=self.tokenizer.pad_token_id, decoder_start=self.decoder_start)
        batch = {name: value.to(accelerator.device) for name, value in batch.items()}
        if not group:
            batch["weights"] = torch.zeros_like(batch["weights"])
        with nullcontext() if last else accelerator.no_sync(self.loss):
            with precision(accelerator.device, self.params.precision):
                loss = self.loss(batch) / norm
            if not torch.isfinite(loss):
                ids = ", ".join(example.id for example in group)
                raise TrainingError(
                    f"the loss is {loss.item()} at step {number} in the examples {ids}; lower the learning rate, "
                    "or look at these examples"
                )
            accelerator.backward(loss * accelerator.num_processes)
        return loss.detach()


def rate_factor(step: int, total: int, params: SftParams) -> float:
    """Factor on the learning rate at step 1..total: a linear rise over `warm_up_share`, then the schedule's decay."""
    rise = math.ceil(params.warm_up_share * total)
    if step <= rise:
        return step / rise
    if params.schedule == "constant":
        return 1.0
    left = (total - step + 1) / (total - rise + 1)
    return left if params.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left))
