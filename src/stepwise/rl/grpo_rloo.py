"""GRPO and RLOO through TRL, from a fine-tuned model to a better one.

GRPO (arXiv 2402.03300): a completion's advantage is its score relative to the other completions of its prompt, divided
by their spread; the loss is averaged over each sequence, as in our PPO. RLOO (arXiv 2402.14740): the score minus the
mean of the others, with the divergence from the reference subtracted from the score. If all completions of a prompt
score the same, the advantage is zero and the prompt teaches nothing.

Positions come from the attention mask here (RoPE and OPT models); GPT-2-like models would see shifted ones in TRL.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from signal import SIGTERM
from threading import Event
from typing import Any

from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import weights_hash
from stepwise.models.adapters import merged, with_lora, without_adapters
from stepwise.models.loading import SINGLE_THREADED, load_model, save_model
from stepwise.params import RlParams
from stepwise.progress import Progress
from stepwise.records import Prompt
from stepwise.rl import rollout
from stepwise.rl.setup import RewardFunction, RlResult, RlSetup
from stepwise.rl.trl_settings import check_params, trl_config
from stepwise.tokens import encode_many
from stepwise.training.checkpoints import Checkpoints, TrainState
from stepwise.training.optimizers import make_optimizer
from stepwise.training.resumable_run import TrainingError, fingerprint, points, soft_stop


def train(
    policy: str | Path, prompts: Mapping[str, Prompt], reward: RewardFunction, params: RlParams, setup: RlSetup
) -> RlResult:
    """Train a policy with `params.algorithm` and write the best state by dev (without `setup.evaluate` the last).

    The model in `policy` is also the reference. `prompts` are by id, in the same pieces as in fine-tuning. The reward
    scores completions by their text, cut at the first stop string. SIGTERM ends the run after the current step, with a
    checkpoint; a killed run that is started again with the same arguments resumes from its last checkpoint.

    Raises:
        ParamsError: a parameter that the algorithm does not support.
        TrainingError: a score is not a finite number.
        ModelError: the model does not load.
    """
    check_params(params, len(prompts))
    run = _Run(*load_model(policy, setup.dtype), prompts, reward, params, setup)
    state = run.run(rollout.plan(list(prompts), params, setup.seed, repeats=True))
    run.export()
    completion_tokens = params.prompts * params.samples * sum(row["response_tokens"] for row in state.curve)
    return RlResult(
        steps=params.steps,
        prompts=len(prompts),
        left_out={},
        seconds={"training": run.seconds},
        spent={"optimizer_steps": float(params.steps * run.updates), "generated_tokens": completion_tokens},
        best_step=state.best_step,
        best_score=state.best_score,
        curve=state.curve,
    )


class _Run:
    """A run of a TRL trainer over the remaining steps of a plan."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        prompts: Mapping[str, Prompt],
        reward: RewardFunction,
        params: RlParams,
        setup: RlSetup,
    ) -> None:
        self.first_weights = weights_hash(model)
        self.model = with_lora(model, params.lora, setup.seed)
        self.tokenizer, self.prompts, self.reward = tokenizer, prompts, reward
        self.params, self.setup = params, setup
        self.sampling = Sampling(
            max_new_tokens=setup.max_new_tokens,
            temperature=params.temperature,
            top_p=params.top_p,
            top_k=params.top_k,
            n=params.samples,
            stop=setup.stop,
            seed=setup.seed,
        )
        self.updates = params.inner_epochs * params.mini_batches
        self.state = TrainState("")
        self.seconds = 0.0
        self.stopping = Event()
        setup.work.mkdir(parents=True, exist_ok=True)

    def run(self, plan: Sequence[Sequence[str]]) -> TrainState:
        """Take the remaining steps of the plan and load the best state into the model."""
        import torch

        self.model.to("cuda" if torch.cuda.is_available() else "cpu")
        optimizer = make_optimizer(self.model, "adamw", 0.0)
        self.checkpoints = Checkpoints(self.setup.work, self.model, optimizer)
        rate = self.params.learning_rate * self.setup.learning_rate_scale
        self.state = state = self.checkpoints.restore(
            fingerprint(self.params, rate, self.sampling, plan, self.prompts, self.first_weights)
        )
        remaining = [name for step in plan[state.step :] for name in step]
        self.total = len(plan)
        if remaining:
            self.progress = self._progress()
            start = time.perf_counter()
            with soft_stop() as self.stopping:
                self._trainer(remaining, optimizer, rate).train()
            self.seconds = time.perf_counter() - start
            if state.step < self.total:
                raise SystemExit(128 + SIGTERM)
        self.checkpoints.load_best(state)
        return state

    def export(self) -> None:
        """Write the model as it is now, with adapters merged."""
        if self.checkpoints.writes:
            save_model(merged(self.model), self.tokenizer, self.setup.out)

    def _progress(self) -> Progress:
        longest = self.params.prompts * self.params.samples * self.sampling.max_new_tokens
        return Progress(
            self.params.algorithm,
            self.total,
            tokens=self.total * longest,
            done=self.state.step,
            done_tokens=self.state.step * longest,
        )

    def _trainer(self, remaining: list[str], optimizer: Any, rate: float) -> Any:
        """The TRL trainer for the remaining prompts, in their order."""
        import torch
        from datasets import Dataset
        from transformers import PrinterCallback
        from trl import GRPOTrainer  # type: ignore[attr-defined]

        from stepwise.rl.trl_rollouts import RlooTrainer, Rollouts, StepCallback

        for group in optimizer.param_groups:
            group["lr"] = rate
        done = self.state.step * self.updates
        longest_prompt = max(map(len, encode_many(self.tokenizer, list(self.prompts.values()))))
        kind: Any = GRPOTrainer if self.params.algorithm == "grpo" else RlooTrainer
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "You are using 'rollout_func'")
            trainer = kind(
                model=self.model,
                reward_funcs=self._score,
                args=trl_config(
                    self.params,
                    self.setup,
                    steps=len(remaining) // self.params.prompts,
                    longest=longest_prompt + self.setup.max_new_tokens,
                    checkpointing=self.model.num_parameters() > SINGLE_THREADED,
                ),
                train_dataset=Dataset.from_list([{"prompt": name} for name in remaining]),
                processing_class=self.tokenizer,
                callbacks=[StepCallback(self._add_row, self.stopping, seed=self.setup.seed, done=done)],
                optimizers=(optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, lambda _: 1.0)),
                rollout_func=Rollouts(
                    self.prompts, self.sampling, self.setup.generation_tokens, self.updates, first_step=self.state.step
                ),
            )
        trainer.remove_callback(PrinterCallback)
        self.checkpoints.writes = trainer.accelerator.is_main_process
        return trainer

    def _score(
        self, prompts: list[str], completions: list[str], log_metric: Callable[[str, float], None], **_: Any
    ) -> list[float]:
        """TRL's reward function: ids of prompts, and texts, which the task's stop strings end."""
        from stepwise.rl.trl_rollouts import cut_at_stop

        texts = [cut_at_stop(text, self.setup.stop) for text in completions]
        scores = [float(score) for score in self.reward(prompts, texts)]
        if len(scores) != len(prompts) or not all(map(math.isfinite, scores)):
            raise TrainingError(f"the reward gave {scores} for {len(prompts)} completions; it must give a number each")
        log_metric("accuracy", sum(score >= 1.0 for score in scores) / len(scores))
        return scores

    def _add_row(self, logs: dict[str, float]) -> None:
        """Add a row to the curve; evaluate and save where either is due."""
        from stepwise.rl.trl_rollouts import curve_row

        state, params = self.state, self.params
        state.step += 1
        row = {"step": float(state.step), **curve_row(logs)}
        if self.setup.evaluate is not None and state.step in points(self.total, params.evaluations):
            row["dev_score"] = self.setup.evaluate(without_adapters(self.model).eval(), self.tokenizer)
            self.model.train()
            self.checkpoints.keep_if_best(state, row["dev_score"])
        state.curve.append(row)
        completion_tokens = round(params.prompts * params.samples * row["response_tokens"])
        self.progress.add(1, completion_tokens, score=row["score"])
        if state.step in points(self.total, params.saves) or self.stopping.is_set():
            self.checkpoints.save(state)
