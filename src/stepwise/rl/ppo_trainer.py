"""PPO, from a fine-tuned model to a better one: sample, score while the reference reads, learn."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from stepwise.generation.transformers_backend import TransformersBackend, weights_hash
from stepwise.models.adapters import without_adapters
from stepwise.models.loading import load_model
from stepwise.params import RlParams
from stepwise.progress import Progress
from stepwise.records import Prompt
from stepwise.rl import ppo, rollout
from stepwise.rl.actor_critic import ActorCritic, load_actor_critic
from stepwise.rl.rollout import Rollout
from stepwise.rl.setup import RewardFunction, RlResult, RlSetup
from stepwise.rl.step_metrics import step_metrics
from stepwise.rl.updates import Experience, Learner, Pass
from stepwise.training.resumable_run import ResumableRun, TrainingError, fingerprint

log = logging.getLogger(__name__)

CURVE_ROWS = 500
"""Most rows in the curve; in a longer run each row is the mean over several steps."""
SILENT = 5
"""Steps without any reward after which a run warns."""
SPENT = ("optimizer_steps", "generated_tokens", "trained_tokens")


def train(
    policy: str | Path, prompts: Mapping[str, Prompt], reward: RewardFunction, params: RlParams, setup: RlSetup
) -> RlResult:
    """Train a fine-tuned model with PPO and write the best state by dev (without `setup.evaluate` the last).

    The model in `policy` is also the reference. `prompts` are by id, in the same pieces as in fine-tuning. The result
    is a plain model; beside it are value/head.safetensors and, if values have a model of their own, value/model. A
    killed run that is started again with the same arguments resumes from its last checkpoint and ends with the same
    bytes. The reward is not part of the fingerprint: give each reward a work folder of its own.

    Raises:
        TrainingError: no prompt fits, the reward gives no numbers, or the loss is not a finite number.
        ModelError: the model does not load.
    """
    model, tokenizer = load_model(policy, setup.dtype)
    kept, left_out = rollout.fitting(prompts, tokenizer, model.config, setup.max_new_tokens)
    if not kept:
        raise TrainingError(f"none of {len(prompts)} prompts leaves room for {setup.max_new_tokens} tokens: {left_out}")
    run_id = fingerprint(
        weights_hash(model), kept, params, setup.learning_rate_scale, setup.max_new_tokens, setup.stop, setup.seed,
        setup.dtype, setup.generation_tokens,
    )  # fmt: skip
    actor = load_actor_critic(model, policy, params, setup)
    frozen = None if params.lora.rank else load_model(policy, setup.dtype)[0]
    trainer = PpoTrainer(actor, frozen, tokenizer, kept, reward, params, setup)
    state = trainer.run_and_export(run_id, setup.out)
    return RlResult(
        steps=trainer.total,
        prompts=len(kept),
        left_out=left_out,
        seconds=trainer.seconds,
        spent={name: state.extra.get(name, 0.0) for name in SPENT},
        best_step=state.best_step,
        best_score=state.best_score,
        curve=state.curve,
    )


class PpoTrainer(ResumableRun):
    """A run of PPO steps."""

    def __init__(
        self,
        actor: ActorCritic,
        frozen: Any,
        tokenizer: Any,
        prompts: Mapping[str, Prompt],
        reward: RewardFunction,
        params: RlParams,
        setup: RlSetup,
    ) -> None:
        """Place models and optimiser; nothing is computed yet. `frozen` is the reference; None if it has adapters."""
        evaluations = params.evaluations if setup.evaluate else 0
        super().__init__(work=setup.work, evaluations=evaluations, saves=params.saves, rows=CURVE_ROWS)
        self.module, self.tokenizer, self.prompts, self.reward = actor, tokenizer, prompts, reward
        self.params, self.setup = params, setup
        self.learning_rate = params.learning_rate * setup.learning_rate_scale
        self.learner = Learner(
            actor, frozen, params, self.accelerator, pad=tokenizer.pad_token_id, learning_rate=self.learning_rate
        )
        self.optimizer = self.learner.optimizer
        self.policy = without_adapters(actor.model)
        self.backend = TransformersBackend(self.policy, tokenizer, batch_tokens=setup.generation_tokens)
        self.steps, self.total = rollout.plan(list(prompts), params, setup.seed), params.steps
        self.seconds = dict.fromkeys(("generation", "checking_alone", "forwards", "updates"), 0.0)
        if self.accelerator.num_processes > min(map(len, self.steps)):
            raise TrainingError(
                f"a step has fewer prompts than there are processes ({self.accelerator.num_processes}); each needs one"
            )

    def _step(self, number: int) -> dict[str, float]:
        """Sample, score while the reference reads, and learn; returns the step's metrics."""
        extra = self.state.extra
        coefficient = extra.setdefault("kl_coefficient", self.params.kl_coefficient)
        learn_policy = number > self.params.value_warm_up
        samples = self._sample(number)
        with ThreadPoolExecutor(max_workers=1) as pool:
            rewards = pool.submit(self.reward, samples.ids, samples.texts)
            with self._clock("forwards"):
                reference = self.learner.reference(samples)
                logprobs, values, kept_passes = self.learner.old(samples, learn_policy=learn_policy)
            with self._clock("checking_alone"):
                scores = checked_scores(rewards.result(), samples)
        experience, gathered = self._experience(samples, scores, logprobs, values, reference, coefficient)
        with self._clock("updates"):
            losses = self._update(number, samples, experience, kept_passes, learn_policy)
        row = losses | step_metrics(gathered) | {"kl_coefficient": coefficient, "learning_rate": self.learning_rate}
        row["parameter_norm"] = float(torch.nn.utils.get_total_norm(self.learner.trainable))
        if self.params.target_kl:
            extra["kl_coefficient"] = ppo.adapted(coefficient, row["kl"], self.params.target_kl)
        self._count(gathered)
        self._warn_if_silent(number, row["score"])
        return row

    def _count(self, gathered: dict[str, Tensor]) -> None:
        """Add a step to what the run has spent."""
        params, extra, actions = self.params, self.state.extra, float(gathered["mask"].sum())
        tokens = actions + float(gathered["prompt_tokens"].sum())
        spent = {"optimizer_steps": params.inner_epochs * params.mini_batches, "generated_tokens": actions}
        for name, value in (spent | {"trained_tokens": params.inner_epochs * tokens}).items():
            extra[name] = extra.get(name, 0.0) + value

    def _experience(
        self, samples: Rollout, scores: Tensor, logprobs: Tensor, values: Tensor, reference: Tensor, coefficient: float
    ) -> tuple[Experience, dict[str, Tensor]]:
        """What the actions are learned by, and the tensors of all processes that metrics are made of."""
        device, params = self.learner.device, self.params
        mask, truncated, scores = (tensor.to(device) for tensor in (samples.response_mask, samples.truncated, scores))
        penalised = scores - params.missing_eos_penalty * truncated
        rewards = ppo.token_rewards(penalised, logprobs, reference, mask, coefficient)
        advantages, returns = ppo.advantages_and_returns(
            rewards, values, mask, gamma=params.gamma, gae_lambda=params.gae_lambda,
            truncated=truncated if params.bootstrap_truncated else None,
        )  # fmt: skip
        own = {
            "mask": mask, "logprobs": logprobs, "kl": (logprobs - reference) * mask, "values": values,
            "rewards": rewards, "advantages": advantages, "returns": returns, "scores": scores, "truncated": truncated,
            "prompt_tokens": torch.tensor(samples.prompt_lengths, dtype=torch.float32, device=device),
            "real": torch.ones_like(scores),
        }  # fmt: skip
        gathered = {name: self._gathered(tensor) for name, tensor in own.items()}
        whitened = self._whitened(advantages, mask, gathered)
        return Experience(mask, logprobs, values, whitened, returns), gathered

    def _sample(self, number: int) -> Rollout:
        accelerator, setup = self.accelerator, self.setup
        ids = self.steps[number - 1][accelerator.process_index :: accelerator.num_processes]
        sampling = rollout.step_sampling(
            self.params, number, max_new_tokens=setup.max_new_tokens, stop=setup.stop, seed=setup.seed
        )
        seq2seq = bool(self.policy.config.is_encoder_decoder)
        with self._clock("generation"):
            return rollout.sample(
                self.backend, self.tokenizer, {name: self.prompts[name] for name in ids}, sampling, seq2seq=seq2seq
            )

    def _update(
        self, number: int, samples: Rollout, experience: Experience, kept_passes: list[Pass], learn_policy: bool
    ) -> dict[str, float]:
        try:
            return self.learner.update(
                samples, experience, kept_passes, order=f"{self.setup.seed}-{number}", learn_policy=learn_policy
            )
        except TrainingError as error:
            stopped = self.work / f"stopped-{number:07d}"
            self.checkpoints.write(stopped, self.state)
            raise TrainingError(
                f"at step {number} {error}; weights and optimiser are in {stopped}; lower the learning rate, or "
                "look at these prompts"
            ) from error

    def _whitened(self, advantages: Tensor, mask: Tensor, gathered: dict[str, Tensor]) -> Tensor:
        if self.params.whitening == "none":
            return advantages
        among = (gathered["advantages"], gathered["mask"]) if self.params.whitening == "global" else None
        return ppo.whiten(advantages, mask, among)

    def _gathered(self, tensor: Tensor) -> Tensor:
        """The rows of all processes, padded with zeros to one shape."""
        if self.accelerator.num_processes == 1:
            return tensor
        for dim in range(tensor.ndim):
            tensor = self.accelerator.pad_across_processes(tensor, dim=dim)
        rows: Tensor = self.accelerator.gather(tensor)
        return rows

    def _warn_if_silent(self, number: int, score: float) -> None:
        """Warn once if the first steps bring no reward at all: whitening then amplifies noise."""
        silent = self.state.extra.get("silent_steps", 0.0)
        silent = -1.0 if silent < 0 or score != 0 else silent + 1
        self.state.extra["silent_steps"] = silent
        if silent == min(SILENT, self.total):
            log.warning(
                "no completion of the first %d steps was rewarded; the policy learns nothing but to stay near its "
                "reference. Warm up longer, raise max_new_tokens, or check the reward", number,
            )  # fmt: skip

    def _progress(self, done: int) -> Progress:
        total, finished = (self.params.samples * sum(map(len, self.steps[:end])) for end in (None, done))
        return Progress("reinforcing", self.total, tokens=total, unit="completions", done=done, done_tokens=finished)

    def _tokens(self, number: int) -> int:
        return self.params.samples * len(self.steps[number - 1])

    def _score(self) -> float | None:
        return self.setup.evaluate(self.policy.eval(), self.tokenizer) if self.setup.evaluate else None

    def _export(self, out: Path) -> None:
        self.module.save(self.tokenizer, out)

    @contextmanager
    def _clock(self, part: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[part] += time.perf_counter() - start


def checked_scores(scores: Any, samples: Rollout) -> Tensor:
    """A reward's scores as a tensor (sequences,). Raises TrainingError unless they are one finite number each."""
    numbers = [float(score) for score in scores]
    if len(numbers) != len(samples.ids) or not all(map(math.isfinite, numbers)):
        raise TrainingError(
            f"the reward gave {len(numbers)} scores for {len(samples.ids)} completions, or one that is not finite"
        )
    return torch.tensor(numbers)
