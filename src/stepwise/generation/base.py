"""The protocol that all backends follow, and what they take and return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

from stepwise.errors import StepwiseError
from stepwise.records import Prompt


@dataclass(frozen=True)
class Sampling:
    """How to continue a prompt. `temperature` 0 is greedy; `top_k` 0 and `top_p` 1 turn those filters off."""

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    n: int = 1
    stop: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True)
class Completion:
    """What a model wrote: text without the stop string, tokens and their log-probabilities (nats, at temperature 1).

    The tokens include the end token and those of the stop string. They are empty if a server returns no token ids.
    """

    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: Literal["eos", "stop", "length"]


@runtime_checkable
class Backend(Protocol):
    """A source of text. Results do not depend on what else is in the batch, up to floating point."""

    name: str

    def identity(self) -> str:
        """What decides a result besides the prompt and the sampling, for instance a hash of the weights."""
        ...

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, *, journal: Path | None = None
    ) -> list[list[Completion]]:
        """`sampling.n` completions per prompt, in the order of the prompts. A killed pass resumes from its journal."""
        ...

    def score(self, prefix: Prompt, continuations: Sequence[str]) -> list[tuple[float, ...]]:
        """Log-probability in nats of each token of each continuation after the prefix; the prefix is read once."""
        ...

    def score_many(
        self, items: Sequence[tuple[Prompt, Sequence[str]]], *, journal: Path | None = None
    ) -> list[list[tuple[float, ...]]]:
        """`score` of many prefixes with their continuations, in order."""
        ...


@runtime_checkable
class ConcurrentBackend(Backend, Protocol):
    """A Backend that answers requests one by one, so that each result can be kept as soon as it is there."""

    concurrency: int
    """How many requests may be under way at once."""

    def complete(self, prompt: Prompt, sampling: Sampling, *, sample: int = 0, number: int = 0) -> Completion:
        """What `generate` returns for one sample of one prompt; may be called from several threads.

        `number` spreads the requests of a pass over the servers and does not affect the result.
        """
        ...


class GenerationError(StepwiseError, RuntimeError):
    """A pass that cannot continue (prompt too long, server unreachable); the message names the remedy."""
