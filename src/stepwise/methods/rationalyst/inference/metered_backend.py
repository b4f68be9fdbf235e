"""A backend that counts its work and caches its results. No torch here.

Different choosers request the same steps from the same agent wherever their choices agree. The result is a pure
function of the request, so it is computed once; each chooser is still charged for it in full.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwise.generation.base import Backend, Completion, Sampling
from stepwise.records import Prompt

PromptLengths = Callable[[Sequence[Prompt]], list[int]]
"""Counts the tokens of each prompt."""


@dataclass(frozen=True)
class Usage:
    """Requests to models, tokens read and tokens written."""

    calls: int = 0
    read: int = 0
    written: int = 0

    def __add__(self, other: Usage) -> Usage:
        """The sum of both."""
        return Usage(self.calls + other.calls, self.read + other.read, self.written + other.written)


class MeteredBackend:
    """A Backend around another one.

    A prompt with its samples is one call that reads the prompt once; so is a prefix with its continuations. If a folder
    is given, each pass keeps a numbered journal there, so that a killed run resumes.
    """

    def __init__(self, inner: Backend, prompt_lengths: PromptLengths, folder: Path | None = None) -> None:
        self.inner, self.prompt_lengths, self.folder = inner, prompt_lengths, folder
        self.name = inner.name
        self.usage = Usage()
        self.passes = 0
        self._completions: dict[tuple[Prompt, Sampling], list[Completion]] = {}
        self._scores: dict[tuple[Prompt, str], tuple[float, ...]] = {}

    def identity(self) -> str:
        """See Backend."""
        return self.inner.identity()

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, *, journal: Path | None = None
    ) -> list[list[Completion]]:
        """See Backend."""
        new = [prompt for prompt in dict.fromkeys(prompts) if (prompt, sampling) not in self._completions]
        if new:
            results = self.inner.generate(new, sampling, journal=journal or self._journal())
            self._completions |= {(prompt, sampling): samples for prompt, samples in zip(new, results, strict=True)}
        completions = [self._completions[prompt, sampling] for prompt in prompts]
        written = sum(len(sample.token_ids) or len(sample.logprobs) for samples in completions for sample in samples)
        self.usage += Usage(len(prompts), sum(self.prompt_lengths(prompts)), written)
        return completions

    def score(self, prefix: Prompt, continuations: Sequence[str]) -> list[tuple[float, ...]]:
        """See Backend."""
        return self.score_many([(prefix, continuations)])[0]

    def score_many(
        self, items: Sequence[tuple[Prompt, Sequence[str]]], *, journal: Path | None = None
    ) -> list[list[tuple[float, ...]]]:
        """See Backend."""
        new = [(prefix, texts) for prefix, texts in items if any((prefix, text) not in self._scores for text in texts)]
        if new:
            results = self.inner.score_many(new, journal=journal or self._journal())
            for (prefix, texts), logprobs in zip(new, results, strict=True):
                self._scores |= {(prefix, text): values for text, values in zip(texts, logprobs, strict=True)}
        scores = [[self._scores[prefix, text] for text in texts] for prefix, texts in items]
        scored_tokens = sum(len(logprobs) for continuations in scores for logprobs in continuations)
        prefix_tokens = sum(self.prompt_lengths([prefix for prefix, _ in items]))
        self.usage += Usage(len(items), prefix_tokens + scored_tokens, 0)
        return scores

    def _journal(self) -> Path | None:
        self.passes += 1
        return self.folder / f"{self.passes:04d}.jsonl" if self.folder else None
