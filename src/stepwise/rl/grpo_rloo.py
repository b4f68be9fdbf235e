"""GRPO and RLOO through TRL, from a fine-tuned model to a better one by a checked reward.

GRPO (arXiv 2402.03300): a completion's advantage is its score against those of the same question, divided by their
spread; the loss is averaged over each sequence, as ReFT's is. RLOO (arXiv 2402.14740): the score less the mean of the
others, with the divergence from the reference taken from the score. Where all completions of a question score the same
the advantage is zero, and the question teaches nothing.

Positions come from the attention mask here (RoPE and OPT models); GPT-2-like models would see shifted ones in TRL.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from signal import SIGTERM
from threading import Event
from typing import Any

from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import weights_hash
from stepwise.models.adapters import with_lora
from stepwise.models.loading import SINGLE_THREADED, Dtype, load_model, save_model
from stepwise.params import ParamsError, RlParams
from stepwise.records import Prompt
from stepwise.rl.trl_settings import PolicyResult, check, plan_questions, result
from stepwise.tokens import encode_many
from stepwise.training import checkpoints
from stepwise.training.checkpoints import Standing
from stepwise.training.optimizers import make_optimizer
from stepwise.training.progress import Progress
from stepwise.training.resumable_run import Evaluate, TrainingError, points, soft_stop

Reward = Callable[[Sequence[str], Sequence[str]], Sequence[float]]
"""Scores of (question ids, completion texts), in order; 1 means right."""


def train(
    policy: str | Path,
    prompts: Mapping[str, Prompt],
    reward: Reward,
    params: RlParams,
    *,
    max_new_tokens: int,
    stop: tuple[str, ...] = (),
    seed: int,
    work: Path,
    out: Path,
    evaluate: Evaluate | None = None,
    learning_rate_scale: float = 1.0,
    dtype: Dtype = "float32",
    generation_tokens: int = 16384,
) -> PolicyResult:
    """Train a policy with `params.algorithm` and write the best state (by dev; the last without it) to `out`.

    A killed run that is started again with the same arguments goes on after its last checkpoint in `work`. The model in
    `policy` is the reference, too. SIGTERM ends the run after the step at hand, with a checkpoint.

    Args:
        policy: folder of the fine-tuned model.
        prompts: the questions by id, in pieces as fine-tuning had them.
        reward: scores completions by their text alone, cut at the first stop string.
        params: of the algorithm.
        max_new_tokens: longest completion.
        stop: strings that end a completion beside EOS.
        seed: decides order, samples and first adapters.
        work: folder for checkpoints.
        out: the new folder.
        evaluate: scores a model on dev.
        learning_rate_scale: factor of the model on the learning rate.
        dtype: of the weights.
        generation_tokens: most cached tokens while sampling.

    Raises:
        ParamsError: a parameter that the algorithm cannot obey.
        TrainingError: a score that is no number.
        ModelError: the model does not load.
    """
    check(params, len(prompts))
    sampling = Sampling(max_new_tokens, params.temperature, params.top_p, params.top_k, params.samples, stop, seed)
    run = _Run(*load_model(policy, dtype), prompts, reward, params, sampling, work, evaluate)
    run.learning_rate, run.generation_tokens = params.learning_rate * learning_rate_scale, generation_tokens
    standing = run.go(plan_questions(list(prompts), params, seed))
    run.export(out)
    return result(params, standing, run.seconds)


class _Run:
    """A run of a TRL trainer over the planned steps that are left."""

    is_main_process = True

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        prompts: Mapping[str, Prompt],
        reward: Reward,
        params: RlParams,
        sampling: Sampling,
        work: Path,
        evaluate: Evaluate | None,
    ) -> None:
        self.weights = weights_hash(model)
        self.model = with_lora(model, params.lora, sampling.seed) if params.lora.rank else model
        self.tokenizer, self.prompts, self.reward = tokenizer, prompts, reward
        self.params, self.sampling, self.work, self.evaluate = params, sampling, work, evaluate
        self.learning_rate, self.generation_tokens = params.learning_rate, 16384
        self.updates = params.inner_epochs * params.mini_batches
        self.standing = Standing("")
        self.total = 0
        self.seconds = 0.0
        self.stopping = Event()
        work.mkdir(parents=True, exist_ok=True)

    def go(self, plan: Sequence[Sequence[str]]) -> Standing:
        """Do what is left of the plan and load the best state into the model."""
        import torch

        self.total = len(plan)
        self.model.to("cuda" if torch.cuda.is_available() else "cpu")
        self.optimizer = make_optimizer(self.model, "adamw", 0.0)
        fingerprint = self._fingerprint(plan)
        found = checkpoints.restore(self.work, fingerprint, self.model, self.optimizer)
        self.standing = found or Standing(fingerprint)
        left = [name for step in plan[self.standing.step :] for name in step]
        if left:
            at_most = self.params.prompts * self.params.samples * self.sampling.max_new_tokens
            self.progress = Progress(
                self.params.algorithm,
                steps=self.total,
                tokens=self.total * at_most,
                done_steps=self.standing.step,
                done_tokens=self.standing.step * at_most,
            )
            begun = time.perf_counter()
            with soft_stop() as self.stopping:
                self._trainer(left).train()
            self.seconds = time.perf_counter() - begun
            self.progress.close()
            if self.standing.step < self.total:
                raise SystemExit(128 + SIGTERM)
        if self.standing.best_step is not None:
            checkpoints.load_weights(self.model, self._best(self.standing.best_step))
        return self.standing

    def export(self, out: Path) -> None:
        """Write the model as it is now, adapters merged into it."""
        if self.is_main_process:
            plain = self.model.merge_and_unload() if self.params.lora.rank else self.model
            save_model(plain, self.tokenizer, out)

    def _fingerprint(self, plan: Sequence[Sequence[str]]) -> str:
        """Hash of all that decides the result but the reward."""
        settings = [self.params.model_dump(mode="json"), self.learning_rate, asdict(self.sampling), list(plan)]
        asked = [(name, list(pieces)) for name, pieces in self.prompts.items()]
        return hashlib.sha256(json.dumps([*settings, asked, self.weights]).encode()).hexdigest()

    def _trainer(self, left: list[str]) -> Any:
        """The TRL trainer for the questions that are left, in their order."""
        import torch
        from datasets import Dataset
        from transformers import PrinterCallback
        from trl import GRPOTrainer, RLOOTrainer  # type: ignore[attr-defined]

        from stepwise.rl.trl_rollouts import Keeper, OurRollouts, Source

        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate
        grouped = self.params.algorithm == "grpo"
        base: Any = GRPOTrainer if grouped else RLOOTrainer
        kind: Any = type("Trainer", (OurRollouts, base), {"gives_logprobs": grouped})
        done = self.standing.step * self.updates
        trainer = kind(
            model=self.model,
            reward_funcs=self._score,
            args=self._arguments(len(left) // self.params.prompts),
            train_dataset=Dataset.from_list([{"prompt": name} for name in left]),
            processing_class=self.tokenizer,
            callbacks=[Keeper(self._note, self.stopping, seed=self.sampling.seed, done=done)],
            optimizers=(self.optimizer, torch.optim.lr_scheduler.LambdaLR(self.optimizer, lambda _: 1.0)),
        )
        trainer.remove_callback(PrinterCallback)
        trainer.source = Source(
            self.prompts, self.sampling, self.generation_tokens, self.updates, first_step=self.standing.step
        )
        self.is_main_process = trainer.accelerator.is_main_process
        return trainer

    def _arguments(self, steps: int) -> Any:
        """TRL's settings for so many reinforcement steps."""
        import torch
        from accelerate import PartialState
        from trl import GRPOConfig, RLOOConfig  # type: ignore[attr-defined]

        params, cpu = self.params, not torch.cuda.is_available()
        world = PartialState(cpu=cpu).num_processes
        micro, accumulation = self._passes(world)
        common: dict[str, Any] = {
            "output_dir": str(self.work / "trl"),
            "max_steps": steps * self.updates,
            "per_device_train_batch_size": micro,
            "gradient_accumulation_steps": accumulation,
            "steps_per_generation": accumulation * params.mini_batches,
            "num_generations": params.samples,
            "num_iterations": params.inner_epochs,
            "shuffle_dataset": False,
            "learning_rate": self.learning_rate,
            "lr_scheduler_type": "constant",
            "max_grad_norm": params.clip,
            "epsilon": params.clip_ratio,
            "beta": params.kl_coefficient,
            "temperature": params.temperature,
            "top_p": params.top_p,
            "top_k": params.top_k,
            "max_completion_length": self.sampling.max_new_tokens,
            "disable_dropout": True,
            "bf16": params.precision == "bf16",
            "gradient_checkpointing": self.model.num_parameters() > SINGLE_THREADED,
            "use_cpu": cpu,
            "seed": self.sampling.seed,
            "logging_steps": self.updates,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
        }
        if params.algorithm == "rloo":
            return RLOOConfig(normalize_advantages=params.whitening == "global", **common)
        scale = "none" if params.whitening == "none" else "group"
        return GRPOConfig(loss_type="grpo", scale_rewards=scale, entropy_coef=params.entropy_coefficient, **common)

    def _passes(self, world: int) -> tuple[int, int]:
        """(completions a forward pass, passes an optimiser step) of one process, within `batch_tokens`."""
        rows, rest = divmod(self.params.prompts * self.params.samples, world * self.params.mini_batches)
        if rest:
            raise ParamsError(
                f"reft.prompts x reft.samples is {self.params.prompts * self.params.samples}; make it a multiple of "
                f"reft.mini_batches x processes, {world * self.params.mini_batches}"
            )
        longest = max(map(len, encode_many(self.tokenizer, list(self.prompts.values()))))
        fitting = max(1, self.params.batch_tokens // (longest + self.sampling.max_new_tokens))
        micro = max(size for size in range(1, rows + 1) if rows % size == 0 and size <= fitting)
        return micro, rows // micro

    def _score(
        self, prompts: list[str], completions: list[str], log_metric: Callable[[str, float], None], **_: Any
    ) -> list[float]:
        """TRL's reward function: question ids and texts, cut where the task ends a completion."""
        from stepwise.rl.trl_rollouts import cut

        scores = [float(one) for one in self.reward(prompts, [cut(text, self.sampling.stop) for text in completions])]
        if len(scores) != len(prompts) or not all(map(math.isfinite, scores)):
            raise TrainingError(f"the reward gave {scores} for {len(prompts)} completions; it must give a number each")
        log_metric("accuracy", sum(score >= 1.0 for score in scores) / len(scores))
        return scores

    def _note(self, logs: dict[str, float]) -> None:
        """Add a row to the curve; keep the state where dev says so, and where a checkpoint is due."""
        from stepwise.rl.trl_rollouts import figures

        standing = self.standing
        standing.step += 1
        row = {"step": float(standing.step), **figures(logs)}
        if self.evaluate is not None and standing.step in points(self.total, self.params.evaluations):
            plain = self.model.get_base_model() if self.params.lora.rank else self.model
            row["dev_score"] = self.evaluate(plain.eval(), self.tokenizer)
            self.model.train()
            if standing.best_score is None or row["dev_score"] >= standing.best_score:
                standing.best_step, standing.best_score = standing.step, row["dev_score"]
                if self.is_main_process:
                    checkpoints.save_weights(self.model, self._best(standing.step))
        standing.curve.append(row)
        completions = self.params.prompts * self.params.samples
        self.progress.advance(standing.step, round(completions * row["response_tokens"]), score=row["score"])
        if standing.step in points(self.total, self.params.saves) or self.stopping.is_set():
            self._save()

    def _save(self) -> None:
        if not self.is_main_process:
            return
        checkpoints.save(self.work, self.standing, self.model, self.optimizer)
        for path in self.work.glob("best-*.safetensors"):
            if self.standing.best_step is None or path != self._best(self.standing.best_step):
                path.unlink()

    def _best(self, step: int) -> Path:
        return self.work / f"best-{step:07d}.safetensors"
