"""A backend that counts what it is asked, and answers from memory what it was asked before. No torch here.

Ways of choosing a step ask the same agent for the same steps wherever their choices agree. The answer is a pure
function of what is asked, so it is made once; each way is charged for it as if it had asked alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwise.generation.base import Backend, Completion, Sampling
from stepwise.records import Prompt

Length = Callable[[Sequence[Prompt]], list[int]]
"""Tokens of each prompt."""


@dataclass(frozen=True)
class Usage:
    """What was asked of models: requests, tokens they read and tokens they wrote."""

    calls: int = 0
    read: int = 0
    written: int = 0

    def __add__(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(self.calls + other.calls, self.read + other.read, self.written + other.written)


class Metered:
    """A Backend over another one.

    A prompt and its samples are one call, which reads the prompt once; so are a prefix and its continuations. With a
    folder each pass keeps its journal there, under its number, so that a killed run goes on.
    """

    def __init__(self, inner: Backend, length: Length, folder: Path | None = None) -> None:
        self.inner, self.length, self.folder = inner, length, folder
        self.name = inner.name
        self.usage = Usage()
        self.passes = 0
        self._written: dict[tuple[Prompt, Sampling], list[Completion]] = {}
        self._scored: dict[tuple[Prompt, str], tuple[float, ...]] = {}

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, *, journal: Path | None = None
    ) -> list[list[Completion]]:
        """See Backend."""
        new = [one for one in dict.fromkeys(prompts) if (one, sampling) not in self._written]
        if new:
            found = self.inner.generate(new, sampling, journal=journal or self._journal())
            self._written |= {(one, sampling): several for one, several in zip(new, found, strict=True)}
        made = [self._written[one, sampling] for one in prompts]
        written = sum(len(one.token_ids) or len(one.logprobs) for several in made for one in several)
        self.usage += Usage(len(prompts), sum(self.length(prompts)), written)
        return made

    def score(self, prefix: Prompt, continuations: Sequence[str]) -> list[tuple[float, ...]]:
        """See Backend."""
        return self.score_many([(prefix, continuations)])[0]

    def score_many(
        self, items: Sequence[tuple[Prompt, Sequence[str]]], *, journal: Path | None = None
    ) -> list[list[tuple[float, ...]]]:
        """See Backend."""
        new = [(prefix, texts) for prefix, texts in items if any((prefix, text) not in self._scored for text in texts)]
        if new:
            found = self.inner.score_many(new, journal=journal or self._journal())
            for (prefix, texts), several in zip(new, found, strict=True):
                self._scored |= {(prefix, text): one for text, one in zip(texts, several, strict=True)}
        scores = [[self._scored[prefix, text] for text in texts] for prefix, texts in items]
        read = sum(self.length([prefix for prefix, _ in items])) + sum(
            len(one) for several in scores for one in several
        )
        self.usage += Usage(len(items), read, 0)
        return scores

    def _journal(self) -> Path | None:
        self.passes += 1
        return self.folder / f"{self.passes:04d}.jsonl" if self.folder else None
