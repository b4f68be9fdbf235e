"""What TRL's trainers get from us: prompts and completions by our rules, and a run that can go on where it was killed.

TRL 1.16 tokenises prompts as whole texts and stops at end tokens only, and its checkpoints hold pickles. So two methods
that GRPOTrainer and RLOOTrainer share are overridden, and a callback keeps our own checkpoints (safetensors and JSON).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from threading import Event
from typing import Any

from transformers import TrainerCallback

from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.records import Prompt
from stepwise.tokens import encode_many

STEP_SEED = 1_000_003
"""Distance between the seeds of two runs whose own seeds are neighbours."""


@dataclass
class Source:
    """Where a batch of completions comes from."""

    prompts: Mapping[str, Prompt]
    sampling: Sampling
    """`n` is the number of completions a question; the seed is the run's."""
    batch_tokens: int
    updates: int
    """Optimiser steps a reinforcement step."""
    first_step: int
    """Reinforcement steps that an earlier process has done."""


class OurRollouts:
    """In front of a TRL trainer class: its prompts are ids of questions, asked and continued as everywhere here."""

    source: Source
    names: Sequence[str] = ()
    gives_logprobs = False
    """Whether the trainer wants a second value, log-probabilities, which only its vLLM path fills."""

    def _tokenize_prompts(self: Any, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        """Token ids of the questions, each piece tokenised on its own."""
        self.names = prompts
        return encode_many(self.processing_class, [self.source.prompts[name] for name in prompts]), None, {}

    def _generate_single_turn(self: Any, *_: Any, **__: Any) -> Any:
        """Token ids of a completion for each row, up to its end token or stop string.

        Rows of one question follow each other over all processes; a row's number among them decides its sample, so
        that completions depend on weights, seed and step alone.
        """
        samples = self.source.sampling.n
        first = self.accelerator.process_index * len(self.names)
        numbers = range(first, first + len(self.names))
        groups = sorted({number // samples for number in numbers})
        asked = [self.names[max(group * samples - first, 0)] for group in groups]
        step = self.source.first_step + self.state.global_step // self.source.updates
        sampling = Sampling(**{**vars(self.source.sampling), "seed": self.source.sampling.seed * STEP_SEED + step})
        backend = TransformersBackend(
            self.model, self.processing_class, batch_tokens=self.source.batch_tokens, fingerprint="policy"
        )
        made = backend.generate([self.source.prompts[name] for name in asked], sampling)
        rows = [list(made[groups.index(number // samples)][number % samples].token_ids) for number in numbers]
        return (rows, None) if self.gives_logprobs else rows


class Keeper(TrainerCallback):
    """Seeds every optimiser step; hands each finished reinforcement step's figures on, and stops when asked to."""

    def __init__(self, note: Callable[[dict[str, float]], None], stopping: Event, *, seed: int, done: int) -> None:
        """`note` takes what TRL logs of a reinforcement step; `done` counts optimiser steps of earlier processes."""
        self.note, self.stopping, self.seed, self.done = note, stopping, seed, done

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """The order inside a batch is drawn from the generator that this sets."""
        import torch

        torch.manual_seed(self.seed * STEP_SEED + self.done + state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ARG002
        """TRL logs once a reinforcement step, and a summary without a loss at the end."""
        if logs and "loss" in logs:
            self.note(logs)
            control.should_training_stop |= self.stopping.is_set()


def figures(logs: Mapping[str, Any]) -> dict[str, float]:
    """A row of the curve from TRL's logs, by the names that PPO's figures have.

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


def cut(text: str, stop: Sequence[str]) -> str:
    """A completion's text up to its first stop string."""
    found = [text.find(one) for one in stop if one in text]
    return text[: min(found)] if found else text
