"""Completions and log-probabilities from servers that speak the OpenAI completions protocol (vLLM, for instance)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

from stepwise.generation import journal as journals
from stepwise.generation.base import Completion, GenerationError, Sampling
from stepwise.generation.engine.batching import Row
from stepwise.generation.openai_client import Client
from stepwise.progress import Progress
from stepwise.records import Prompt

ROUNDS = 4
"""Requests in one journal entry, as a multiple of the concurrency."""
In = TypeVar("In")
Out = TypeVar("Out")


class OpenAIBackend:
    """A Backend over servers of one model. A prompt's pieces are sent as one text, which the server tokenises.

    Every sample is a separate request with its own seed, so results do not depend on concurrency or on the server.
    Servers are contacted at the first use; see Client for addresses, keys, retries and deadlines.
    """

    name = "openai"

    def __init__(
        self, addresses: Sequence[str], *, concurrency: int = 32, timeout: float = 120.0, **options: Any
    ) -> None:
        """`options` are passed to Client (attempts, ready_seconds, pause, variable)."""
        self.client = Client(addresses, timeout=timeout, connections=concurrency, **options)
        self.concurrency = concurrency
        self._served: dict[str, Any] | None = None
        self._lock = threading.Lock()

    def identity(self) -> str:
        """See Backend: the name of the served model, since a server does not tell its weights."""
        return self.model()

    def complete(self, prompt: Prompt, sampling: Sampling, *, sample: int = 0, number: int = 0) -> Completion:
        """See ConcurrentBackend. Raises GenerationError if the server cannot be asked for such a sampling."""
        return _completion(self.client.complete(self._payload(prompt, sampling, sample), number))

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, *, journal: Path | None = None
    ) -> list[list[Completion]]:
        """See Backend. `token_ids` are empty unless the server returns them (vLLM does)."""
        if not prompts:
            return []
        model = self.model()
        rows = [Row(prompt, sample) for prompt in range(len(prompts)) for sample in range(sampling.n)]
        progress = Progress("generating", len(rows))

        def sample(row: Row) -> Completion:
            number = row.prompt * sampling.n + row.sample
            completion = self.complete(prompts[row.prompt], sampling, sample=row.sample, number=number)
            progress.add(1, len(completion.token_ids) or len(completion.logprobs))
            return completion

        def key(batch: list[Row]) -> str:
            texts = [[*prompts[row.prompt], row.sample] for row in batch]
            return journals.content_key("generate", model, asdict(sampling), texts)

        def compute(batch: list[Row]) -> list[dict[str, Any]]:
            return journals.pack(self._map(sample, batch))

        completions: dict[Row, Completion] = {}
        batches = self._batches(rows)
        for batch, results in journals.run(journal, batches, key, compute, progress):
            completions.update(zip(batch, journals.unpack(results), strict=True))
        return [[completions[Row(prompt, sample)] for sample in range(sampling.n)] for prompt in range(len(prompts))]

    def score(self, prefix: Prompt, continuations: Sequence[str]) -> list[tuple[float, ...]]:
        """See Backend. Raises GenerationError unless the server echoes prompts with log-probabilities."""
        return self.score_many([(prefix, continuations)])[0]

    def score_many(
        self, items: Sequence[tuple[Prompt, Sequence[str]]], *, journal: Path | None = None
    ) -> list[list[tuple[float, ...]]]:
        """See Backend."""
        pairs = [("".join(prefix), text) for prefix, texts in items for text in texts]
        if not pairs:
            return [[] for _ in items]
        model = self.model()
        numbers = {pair: number for number, pair in enumerate(pairs)}
        progress = Progress("scoring", len(pairs))

        def score(pair: tuple[str, str]) -> list[float]:
            prefix, text = pair
            if not text:
                return []
            payload = {"model": model, "prompt": prefix + text, "echo": True, "logprobs": 1, "max_tokens": 1}
            payload["temperature"] = 0.0
            logprobs = _echoed(self.client.complete(payload, numbers[pair]), prefix, text)
            progress.add(1, len(logprobs))
            return logprobs

        def key(batch: list[tuple[str, str]]) -> str:
            return journals.content_key("score", model, batch)

        scores: list[list[float]] = []
        batches = self._batches(pairs)
        for _, results in journals.run(journal, batches, key, lambda batch: self._map(score, batch), progress):
            scores += results
        every = iter(scores)
        return [[tuple(next(every)) for _ in texts] for _, texts in items]

    def model(self) -> str:
        """Name of the served model; the first call waits for a server. Raises GenerationError if servers differ."""
        with self._lock:
            if self._served is None:
                served = self.client.models()
                names = sorted({str(model["id"]) for model in served})
                if len(names) > 1:
                    raise GenerationError(f"the servers have different models: {', '.join(names)}; name servers of one")
                self._served = served[0]
            return str(self._served["id"])

    def _extended(self) -> bool:
        """Whether the server has vLLM's extensions of the protocol."""
        return (self._served or {}).get("owned_by") == "vllm"

    def _payload(self, prompt: Prompt, sampling: Sampling, sample: int) -> dict[str, Any]:
        model = self.model()
        if sampling.top_k and not self._extended():
            raise GenerationError(f"{model} is not served by vLLM and may not know top_k; set top_k to 0")
        text = "".join(prompt)
        digest = hashlib.blake2b(repr((sampling.seed, text, sample)).encode(), digest_size=4).digest()
        payload: dict[str, Any] = {
            "model": model,
            "prompt": text,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "logprobs": 1,
            "seed": int.from_bytes(digest, "big") >> 1,
        }
        if sampling.stop:
            payload["stop"] = list(sampling.stop)
        if self._extended():
            payload |= {"return_token_ids": True} | ({"top_k": sampling.top_k} if sampling.top_k else {})
        return payload

    def _batches(self, rows: Sequence[In]) -> list[list[In]]:
        size = self.concurrency * ROUNDS
        return [list(rows[start : start + size]) for start in range(0, len(rows), size)]

    def _map(self, request: Callable[[In], Out], rows: Sequence[In]) -> list[Out]:
        """`request` for each row, at most `concurrency` at once; after the first failure no new request is sent."""
        with ThreadPoolExecutor(self.concurrency) as pool:
            waiting = [pool.submit(request, row) for row in rows]
            try:
                return [future.result() for future in waiting]
            finally:
                pool.shutdown(cancel_futures=True)


def _completion(choice: dict[str, Any]) -> Completion:
    length = choice.get("finish_reason") == "length"
    stopped = isinstance(choice.get("stop_reason"), str)
    return Completion(
        text=str(choice["text"]),
        token_ids=tuple(choice.get("token_ids") or ()),
        logprobs=tuple((choice.get("logprobs") or {}).get("token_logprobs") or ()),
        finish_reason="length" if length else "stop" if stopped else "eos",
    )


def _echoed(choice: dict[str, Any], prefix: str, text: str) -> list[float]:
    """Log-probabilities of the tokens of `text` in an echoed prompt.

    Tokens are located by their texts, since a token that the prompt does not show (`<s>`) may come first.
    """
    echoed = choice.get("logprobs") or {}
    tokens, values = echoed.get("tokens"), echoed.get("token_logprobs")
    if not tokens or not values or not str(choice.get("text", "")).startswith(prefix + text):
        raise GenerationError(
            "the server does not echo prompts with log-probabilities, so it cannot score; "
            "serve the model with vLLM or use the transformers backend"
        )
    start = "".join(tokens).find(prefix + text)
    if start < 0:
        raise GenerationError(
            f"the server's tokens do not spell {(prefix + text)[-40:]!r} (a character may have several), "
            "so it cannot score; use the transformers backend"
        )
    borders = list(accumulate(map(len, tokens), initial=0))
    begin, end = start + len(prefix), start + len(prefix + text)
    if begin not in borders:
        raise GenerationError(
            f"a token spans the border between {prefix[-20:]!r} and {text[:20]!r}, so the server cannot score it; "
            "end the prefix where a token ends or use the transformers backend"
        )
    logprobs = [value for border, value in zip(borders, values, strict=False) if begin <= border < end]
    if None in logprobs:
        raise GenerationError("nothing comes before the text to be scored; pass a prefix of at least one token")
    return logprobs
