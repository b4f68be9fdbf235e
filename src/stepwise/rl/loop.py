"""The steps of reinforcement: sample, check while the reference reads, learn."""

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

from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.params import RlParams
from stepwise.records import Prompt
from stepwise.rl import ppo, rollout
from stepwise.rl.actor_critic import ActorCritic
from stepwise.rl.rollout import RewardFunction, Rollout
from stepwise.rl.step_metrics import step_figures
from stepwise.rl.updates import Experience, Learner
from stepwise.training import checkpoints
from stepwise.training.progress import Progress
from stepwise.training.resumable_run import Course, Evaluate, TrainingError

log = logging.getLogger(__name__)

CURVE_ROWS = 500
"""Most rows of the curve; of a longer run, a row is the mean over its steps."""
SILENT = 5
"""Steps without any reward after which a run says so."""


class Reinforcement(Course):
    """A run of reinforcement steps."""

    def __init__(
        self,
        actor: ActorCritic,
        frozen: Any,
        tokenizer: Any,
        prompts: Mapping[str, Prompt],
        reward: RewardFunction,
        params: RlParams,
        *,
        max_new_tokens: int,
        stop: tuple[str, ...],
        seed: int,
        work: Path,
        evaluate: Evaluate | None,
        rate: float,
        generation_tokens: int,
    ) -> None:
        """Place models and optimiser; nothing is computed yet."""
        evaluations = params.evaluations if evaluate else 0
        super().__init__(work=work, evaluations=evaluations, saves=params.saves, rows=CURVE_ROWS)
        self.module, self.tokenizer, self.prompts, self.reward = actor, tokenizer, prompts, reward
        self.params, self.seed, self.rate, self.evaluate = params, seed, rate, evaluate
        self.learner = Learner(actor, frozen, params, self.accelerator, pad=tokenizer.pad_token_id, rate=rate)
        self.optimizer = self.learner.optimizer
        self.plain = actor.model.get_base_model() if params.lora.rank else actor.model
        self.backend = TransformersBackend(self.plain, tokenizer, batch_tokens=generation_tokens)
        self.steps = rollout.plan(list(prompts), params, seed)
        self.total, self.max_new_tokens, self.stop = params.steps, max_new_tokens, stop
        self.seconds = dict.fromkeys(("generation", "checking_alone", "forwards", "updates"), 0.0)
        if self.accelerator.num_processes > min(map(len, self.steps)):
            raise TrainingError(f"{self.accelerator.num_processes} processes have fewer prompts a step than one each")

    def _step(self, number: int) -> dict[str, float]:
        """Sample, check while the reference reads, and learn; returns the step's row."""
        extra = self.standing.extra
        coefficient = extra.setdefault("kl_coefficient", self.params.kl_coefficient)
        learn_policy = number > self.params.value_warm_up
        made = self._sample(number)
        with ThreadPoolExecutor(max_workers=1) as pool:
            checking = pool.submit(self.reward, made.ids, made.texts)
            with self._clock("forwards"):
                reference = self.learner.reference(made)
                logprobs, values, first = self.learner.old(made, learn_policy=learn_policy)
            with self._clock("checking_alone"):
                scores = self._scores(checking.result(), made)
        experience, together = self._judge(made, scores, logprobs, values, reference, coefficient)
        with self._clock("updates"):
            seen = self._update(number, made, experience, first, learn_policy)
        row = seen | step_figures(together) | {"kl_coefficient": coefficient, "learning_rate": self.rate}
        row["parameter_norm"] = float(torch.nn.utils.get_total_norm(self.learner.learned))
        if self.params.target_kl:
            extra["kl_coefficient"] = ppo.adapted(coefficient, row["kl"], self.params.target_kl)
        self._count(together)
        self._listen(number, row["score"])
        return row

    def _count(self, together: dict[str, Tensor]) -> None:
        """Add a step to what the run has spent."""
        params, extra, actions = self.params, self.standing.extra, float(together["mask"].sum())
        read = actions + float(together["prompt"].sum())
        spent = {"optimizer_steps": params.inner_epochs * params.mini_batches, "generated_tokens": actions}
        for name, value in (spent | {"trained_tokens": params.inner_epochs * read}).items():
            extra[name] = extra.get(name, 0.0) + value

    def _judge(
        self, made: Rollout, scores: Tensor, logprobs: Tensor, values: Tensor, reference: Tensor, coefficient: float
    ) -> tuple[Experience, dict[str, Tensor]]:
        """What the actions are learned by, and what is noted of the step, over all processes."""
        device, params = self.learner.device, self.params
        mask, truncated, scores = (one.to(device) for one in (made.response_mask, made.truncated, scores))
        penalised = scores - params.missing_eos_penalty * truncated
        rewards = ppo.token_rewards(penalised, logprobs, reference, mask, coefficient)
        advantages, returns = ppo.advantages_and_returns(
            rewards, values, mask, gamma=params.gamma, gae_lambda=params.gae_lambda,
            truncated=truncated if params.bootstrap_truncated else None,
        )  # fmt: skip
        seen = {
            "mask": mask, "logprobs": logprobs, "kl": (logprobs - reference) * mask, "values": values,
            "rewards": rewards, "advantages": advantages, "returns": returns, "scores": scores, "truncated": truncated,
            "prompt": torch.tensor(made.prompt_lengths, dtype=torch.float32, device=device),
            "there": torch.ones_like(scores),
        }  # fmt: skip
        together = {name: self._everywhere(one) for name, one in seen.items()}
        whitened = self._whitened(advantages, mask, together)
        return Experience(mask, logprobs, values, whitened, returns), together

    def _sample(self, number: int) -> Rollout:
        accelerator = self.accelerator
        ids = self.steps[number - 1][accelerator.process_index :: accelerator.num_processes]
        how = rollout.sampling(self.params, number, max_new_tokens=self.max_new_tokens, stop=self.stop, seed=self.seed)
        seq2seq = bool(self.plain.config.is_encoder_decoder)
        with self._clock("generation"):
            return rollout.sample(
                self.backend, self.tokenizer, {name: self.prompts[name] for name in ids}, how, seq2seq=seq2seq
            )

    def _update(
        self, number: int, made: Rollout, experience: Experience, first: list[Any], learn_policy: bool
    ) -> dict[str, float]:
        try:
            return self.learner.update(
                made, experience, first, order=f"{self.seed}-{number}", learn_policy=learn_policy
            )
        except TrainingError as error:
            stopped = self.work / f"stopped-{number:07d}"
            checkpoints.write(stopped, self.standing, self.module, self.optimizer)
            raise TrainingError(
                f"at step {number} {error}; weights and optimiser are in {stopped}; lower the learning rate, or "
                "look at these questions"
            ) from error

    def _scores(self, given: Any, made: Rollout) -> Tensor:
        scores = [float(one) for one in given]
        if len(scores) != len(made.ids) or not all(map(math.isfinite, scores)):
            raise TrainingError(
                f"the reward gave {len(scores)} scores for {len(made.ids)} completions, or one that is no finite number"
            )
        return torch.tensor(scores)

    def _whitened(self, advantages: Tensor, mask: Tensor, together: dict[str, Tensor]) -> Tensor:
        if self.params.whitening == "none":
            return advantages
        among = (together["advantages"], together["mask"]) if self.params.whitening == "global" else None
        return ppo.whiten(advantages, mask, among)

    def _everywhere(self, one: Tensor) -> Tensor:
        """The rows of all processes, padded with zeros to one shape."""
        if self.accelerator.num_processes == 1:
            return one
        for dim in range(one.ndim):
            one = self.accelerator.pad_across_processes(one, dim=dim)
        found: Tensor = self.accelerator.gather(one)
        return found

    def _listen(self, number: int, score: float) -> None:
        """Warn once when the first steps bring no reward at all; whitening then makes noise of nothing."""
        silent = self.standing.extra.get("silent_steps", 0.0)
        silent = -1.0 if silent < 0 or score != 0 else silent + 1
        self.standing.extra["silent_steps"] = silent
        if silent == min(SILENT, self.total):
            log.warning(
                "no completion of the first %d steps has been rewarded; the policy learns nothing but to stay near its "
                "reference. Warm up longer, raise max_new_tokens, or look at the reward", number,
            )  # fmt: skip

    def _progress(self, done: int) -> Progress:
        total, finished = (self.params.samples * sum(map(len, self.steps[:end])) for end in (None, done))
        return Progress(
            "reinforcing", steps=self.total, tokens=total, done_steps=done, done_tokens=finished, unit="completions"
        )

    def _tokens(self, number: int) -> int:
        return self.params.samples * len(self.steps[number - 1])

    def _score(self) -> float | None:
        return self.evaluate(self.plain.eval(), self.tokenizer) if self.evaluate else None

    @contextmanager
    def _clock(self, part: str) -> Iterator[None]:
        begun = time.perf_counter()
        yield
        self.seconds[part] += time.perf_counter() - begun
