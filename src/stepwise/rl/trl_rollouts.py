"""What TRL's trainers get from us: prompts tokenised and completions sampled as everywhere here, and exact resume.

By itself TRL 1.16 tokenises a prompt as one text, stops at end tokens only, and writes checkpoints with pickles. So
`Rollouts` supplies the tokens, and a callback feeds our own checkpoints (safetensors and JSON). GRPOTrainer takes
`Rollouts` through its public `rollout_func`. RLOOTrainer has no such argument: its `_generate` always calls its own
`_tokenize_prompts` and `_generate_single_turn`, so these two private methods are overridden to call `Rollouts`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from threading import Event
from typing import Any

from transformers import TrainerCallback
from trl import RLOOTrainer  # type: ignore[attr-defined]

from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.records import Prompt
from stepwise.tokens import encode_many

STEP_SEED = 1_000_003
"""Distance between the seeds of runs whose own seeds differ by 1."""


@dataclass(frozen=True)
class Rollouts:
    """A `rollout_func`: the tokens of a batch whose "prompts" are the ids of ours."""

    prompts: Mapping[str, Prompt]
    sampling: Sampling
    """`n` is the number of completions a prompt; the seed is the run's."""
    batch_tokens: int
    updates: int
    """Optimiser steps per reinforcement step."""
    first_step: int
    """Reinforcement steps taken by earlier processes of this run."""

    def __call__(self, ids: list[str], trainer: Any) -> dict[str, Any]:
        """Token ids of prompt and completion for each row; a completion ends with its end token or stop string.

        Rows of one prompt are adjacent across all processes. A row's position among them decides its sample, so that
        completions depend on weights, seed and step alone.
        """
        samples = self.sampling.n
        first = trainer.accelerator.process_index * len(ids)
        rows = range(first, first + len(ids))
        groups = sorted({row // samples for row in rows})
        names = [ids[max(group * samples - first, 0)] for group in groups]
        step = self.first_step + trainer.state.global_step // self.updates
        backend = TransformersBackend(
            trainer.model, trainer.processing_class, batch_tokens=self.batch_tokens, fingerprint="policy"
        )
        prompt_ids = encode_many(trainer.processing_class, [self.prompts[name] for name in ids])
        completions = backend.generate(
            [self.prompts[name] for name in names], replace(self.sampling, seed=self.sampling.seed * STEP_SEED + step)
        )
        completion_ids = [list(completions[groups.index(row // samples)][row % samples].token_ids) for row in rows]
        return {"prompt_ids": prompt_ids, "completion_ids": completion_ids, "logprobs": None}


class RlooTrainer(RLOOTrainer):
    """TRL's RLOOTrainer with the `rollout_func` that its GRPOTrainer has."""

    def __init__(self, *args: Any, rollout_func: Rollouts, **kwargs: Any) -> None:
        self.rollout_func = rollout_func
        super().__init__(*args, **kwargs)

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """Token ids of the prompts; the completions are sampled here, too, and kept for the next call."""
        tokens = self.rollout_func(prompts, self)
        self._completion_ids = tokens["completion_ids"]
        return tokens["prompt_ids"], None, {}

    def _generate_single_turn(self, *_: Any) -> list[list[int]]:
        """The completions that belong to the prompts just tokenised."""
        completion_ids: list[list[int]] = self._completion_ids
        return completion_ids


class StepCallback(TrainerCallback):
    """Seeds each optimiser step, passes on the metrics of each reinforcement step, and stops on request."""

    def __init__(self, add_row: Callable[[dict[str, float]], None], stopping: Event, *, seed: int, done: int) -> None:
        """`add_row` takes TRL's logs of a reinforcement step; `done` counts optimiser steps of earlier processes."""
        self.add_row, self.stopping, self.seed, self.done = add_row, stopping, seed, done

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """The order within a batch is drawn from the generator that this seeds."""
        import torch

        torch.manual_seed(self.seed * STEP_SEED + self.done + state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """TRL logs once per reinforcement step, and at the end a summary without a loss."""
        if logs and "loss" in logs:
            self.add_row(logs)
            control.should_training_stop |= self.stopping.is_set()


def curve_row(logs: Mapping[str, Any]) -> dict[str, float]:
    """A row of the curve from TRL's logs, under the names of PPO's metrics.

    `kl` is a sequence's, in nats: TRL's mean over tokens times the mean length. `entropy` and `clip_fraction` are means
    over tokens.
    """
    tokens = float(logs["completions/mean_length"])
    return {
        "loss": float(logs["loss"]),
        "grad_norm": float(logs["grad_norm"]),
        "score": float(logs["reward"]),
        "accuracy": float(logs["accuracy"]),
        "kl": float(logs.get("kl") or 0.0) * tokens,
        "clip_fraction": float(logs["clip_ratio/region_mean"]),
        "entropy": float(logs["entropy"]),
        "response_tokens": tokens,
        "equal_groups": float(logs["frac_reward_zero_std"]),
    }


def cut_at_stop(text: str, stop: Sequence[str]) -> str:
    """A completion's text up to its first stop string."""
    return text[: min((text.find(string) for string in stop if string in text), default=len(text))]
