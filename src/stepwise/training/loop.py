"""The loop of supervised fine-tuning: steps, evaluations and checkpoints, and going on where a killed run was."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.errors import StepwiseError
from stepwise.params import SftParams
from stepwise.training import checkpoints
from stepwise.training.batching import collate, passes, sizes
from stepwise.training.checkpoints import Standing
from stepwise.training.devices import make_accelerator, make_optimizer, precision
from stepwise.training.encoding import Encoded
from stepwise.training.progress import Progress

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Evaluate = Callable[["PreTrainedModel", "PreTrainedTokenizerBase"], float]
"""Score of a model on dev, higher is better; a pure function of the weights."""

CURVE_ROWS = 50
"""About as many rows as the learning curve gets."""


class TrainingError(StepwiseError, RuntimeError):
    """A training run that cannot start or go on; the message names the cause and the remedy."""


class Loop:
    """A run over planned steps. `model` holds the best state when `run` is over."""

    def __init__(
        self,
        model: Any,
        tokenizer: PreTrainedTokenizerBase,
        steps: Sequence[Sequence[Encoded]],
        params: SftParams,
        *,
        seed: int,
        work: Path,
        evaluate: Evaluate | None,
    ) -> None:
        """Place model and optimiser; nothing is computed yet."""
        import torch

        from stepwise.training.loss import WeightedLoss

        self.model, self.tokenizer, self.steps, self.params = model, tokenizer, steps, params
        self.seed, self.work, self.evaluate = seed, work, evaluate
        self.accelerator = make_accelerator(params.deepspeed)
        self.resumable = params.deepspeed is None
        optimizer = make_optimizer(model, params.optimizer, params.weight_decay)
        self.loss, self.optimizer = self.accelerator.prepare(WeightedLoss(model), optimizer)
        self.learned = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self.start = model.config.decoder_start_token_id if model.config.is_encoder_decoder else None
        self.zero = torch.zeros((), device=self.accelerator.device)
        self.speed = 0.0
        work.mkdir(parents=True, exist_ok=True)

    def run(self, fingerprint: str) -> Standing:
        """Do all steps that are left and load the best state into the model."""
        standing = self._begin(fingerprint)
        total = len(self.steps)
        evaluations = points(total, self.params.evaluations) if self.evaluate else set()
        saves, rows = points(total, self.params.saves), points(total, CURVE_ROWS) | evaluations
        tokens = [sizes(step, self.params.batch_tokens)[0] for step in self.steps]
        done = sum(tokens[: standing.step])
        progress = Progress("training", steps=total, tokens=sum(tokens), done_steps=standing.step, done_tokens=done)
        with soft_stop() as stopping:
            for number in range(standing.step + 1, total + 1):
                loss = self._step(number)
                standing.step = number
                standing.losses.append(loss)
                progress.advance(number, tokens[number - 1], loss=loss)
                if number in rows:
                    self._note(standing, scored=number in evaluations)
                if number in saves or stopping.is_set():
                    self._save(standing)
                if stopping.is_set():
                    raise SystemExit(128 + signal.SIGTERM)
        progress.close()
        self.speed = progress.speed()
        if standing.best_step is not None:
            checkpoints.load_weights(self.model, self._best(standing.best_step))
        return standing

    def _begin(self, fingerprint: str) -> Standing:
        found = checkpoints.restore(self.work, fingerprint, self.model, self.optimizer) if self.resumable else None
        return found or Standing(fingerprint)

    def _step(self, number: int) -> float:
        """One optimiser step; returns its loss in nats a token of weight 1."""
        import torch

        step, accelerator = self.steps[number - 1], self.accelerator
        torch.manual_seed(self.seed * 1_000_003 + number)
        self.model.train()
        norm = sum(weight for one in step for weight in one.weights)
        groups = passes(step, self.params.batch_tokens, rank=accelerator.process_index, world=accelerator.num_processes)
        for group in self.optimizer.param_groups:
            group["lr"] = self.params.learning_rate * rate_factor(number, len(self.steps), self.params)
        total = self.zero.clone()
        for index, group in enumerate(groups):
            total += self._backward(group, norm, number, last=index == len(groups) - 1)
        accelerator.clip_grad_norm_(self.learned, self.params.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(accelerator.reduce(total, "sum"))

    def _backward(self, group: list[Encoded], norm: float, number: int, *, last: bool) -> Any:
        """Add the gradients of one pass; processes are averaged by the wrapper, hence the factor."""
        import torch

        accelerator = self.accelerator
        batch = collate(group or self.steps[0][:1], pad=self.tokenizer.pad_token_id, decoder_start=self.start)
        batch = {name: value.to(accelerator.device) for name, value in batch.items()}
        if not group:
            batch["weights"] = torch.zeros_like(batch["weights"])
        with nullcontext() if last else accelerator.no_sync(self.loss):
            with precision(accelerator.device, self.params.precision):
                loss = self.loss(batch) / norm
            if not torch.isfinite(loss):
                names = ", ".join(one.id for one in group)
                raise TrainingError(
                    f"the loss is {loss.item()} at step {number} in the examples {names}; lower the learning rate, "
                    "or look at these examples"
                )
            accelerator.backward(loss * accelerator.num_processes)
        return loss.detach()

    def _note(self, standing: Standing, *, scored: bool) -> None:
        """Add a row to the curve; where dev is read, keep the state if it is the best so far (the later of equals)."""
        rate = self.params.learning_rate * rate_factor(standing.step, len(self.steps), self.params)
        row = {"step": standing.step, "loss": sum(standing.losses) / len(standing.losses), "learning_rate": rate}
        standing.losses.clear()
        if scored and self.evaluate is not None:
            plain = self.model.get_base_model() if self.params.lora.rank else self.model
            row["dev_score"] = self.evaluate(plain.eval(), self.tokenizer)
            if standing.best_score is None or row["dev_score"] >= standing.best_score:
                standing.best_step, standing.best_score = standing.step, row["dev_score"]
                if self.accelerator.is_main_process:
                    checkpoints.save_weights(self.model, self._best(standing.step))
        standing.curve.append(row)

    def _save(self, standing: Standing) -> None:
        if self.accelerator.is_main_process and self.resumable:
            checkpoints.save(self.work, standing, self.model, self.optimizer)
            for path in self.work.glob("best-*.safetensors"):
                if standing.best_step is None or path != self._best(standing.best_step):
                    path.unlink()

    def _best(self, step: int) -> Path:
        return self.work / f"best-{step:07d}.safetensors"


def rate_factor(step: int, total: int, params: SftParams) -> float:
    """Factor on the learning rate at step 1..total: a linear rise over `warm_up_share`, then the schedule's fall."""
    rise = math.ceil(params.warm_up_share * total)
    if step <= rise:
        return step / rise
    if params.schedule == "constant":
        return 1.0
    left = (total - step + 1) / (total - rise + 1)
    return left if params.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left))


def points(total: int, count: int) -> set[int]:
    """At most `count` evenly spaced steps in 1..total; the last is always among them."""
    return {max(1, round(total * number / count)) for number in range(1, count + 1)}


@contextmanager
def soft_stop() -> Iterator[threading.Event]:
    """Within the block SIGTERM sets the event instead of ending the process, so that a step can be finished."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.signal(signal.SIGTERM, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGTERM, before)
