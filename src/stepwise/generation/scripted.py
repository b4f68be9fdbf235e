"""A backend that returns prepared texts, for tests and dry runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from stepwise.generation.base import Completion, GenerationError, Sampling
from stepwise.records import Prompt

Answer = Callable[[str, int], str]
"""(prompt, sample number) -> text."""
Score = Callable[[str, str], Sequence[float]]
"""(prefix, continuation) -> log-probability of each token."""


class ScriptedBackend:
    """Answers from a function, or from a mapping of prompts to one text or to one text per sample.

    Texts are cut at the first stop string. Tokens are the characters of the text. `calls` counts passes; `prompts`
    records every prompt in order.
    """

    name = "scripted"

    def __init__(self, answers: Answer | Mapping[str, str | Sequence[str]], score: Score | None = None) -> None:
        self.answers = answers
        self.score_text = score
        self.prompts: list[str] = []
        self.calls = 0

    def identity(self) -> str:
        """See Backend. All scripts are the same model."""
        return self.name

    def generate(
        self,
        prompts: Sequence[Prompt],
        sampling: Sampling,
        *,
        journal: Path | None = None,  # noqa: ARG002 - nothing worth keeping
    ) -> list[list[Completion]]:
        """See Backend. Raises GenerationError for a prompt that the script has no answer for."""
        self.calls += 1
        whole = ["".join(prompt) for prompt in prompts]
        self.prompts += whole
        return [[_completion(self._answer(text, sample), sampling) for sample in range(sampling.n)] for text in whole]

    def score(self, prefix: Prompt, continuations: Sequence[str]) -> list[tuple[float, ...]]:
        """See Backend. Without a score function every character has log-probability -1."""
        whole = "".join(prefix)
        if self.score_text is None:
            return [(-1.0,) * len(text) for text in continuations]
        return [tuple(self.score_text(whole, text)) for text in continuations]

    def score_many(
        self,
        items: Sequence[tuple[Prompt, Sequence[str]]],
        *,
        journal: Path | None = None,  # noqa: ARG002
    ) -> list[list[tuple[float, ...]]]:
        """See Backend."""
        return [self.score(prefix, continuations) for prefix, continuations in items]

    def _answer(self, prompt: str, sample: int) -> str:
        if callable(self.answers):
            return self.answers(prompt, sample)
        if prompt not in self.answers:
            raise GenerationError(f"no scripted answer for {prompt[-60:]!r}; add it to the script")
        answer = self.answers[prompt]
        return answer if isinstance(answer, str) else answer[sample % len(answer)]


def _completion(text: str, sampling: Sampling) -> Completion:
    cut = min((text.find(stop) for stop in sampling.stop if stop in text), default=-1)
    kept = text[:cut] if cut >= 0 else text
    short = kept[: sampling.max_new_tokens]
    reason = "length" if short != kept else "stop" if cut >= 0 else "eos"
    tokens = tuple(ord(char) for char in short)
    return Completion(text=short, token_ids=tokens, logprobs=(-1.0,) * len(tokens), finish_reason=reason)  # type: ignore[arg-type]
