"""A language model's answers to prompts, each of which is generated once and kept.

An answer is stored under the hash of what it depends on: model, prompt and sampling. The file is only ever appended to,
so a second pass costs nothing and a killed one resumes. The seed is part of the sampling; each backend draws from it
and the prompt alone, so an answer does not depend on the others in its batch.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from stepwise.generation.base import Backend, Completion, ConcurrentBackend, GenerationError, Sampling
from stepwise.generation.journal import Journal, content_key
from stepwise.progress import Progress
from stepwise.records import Prompt

BATCH = 256
"""Prompts per pass of a backend in this process. What a killed pass loses is at most one batch."""


class Answers:
    """A backend with a file of the answers it has given. Only one process may use the file at a time."""

    def __init__(self, backend: Backend, path: Path | None = None, *, model: str = "", batch: int = BATCH):
        """Without a path, answers are kept in memory only.

        Args:
            backend: the language model.
            path: the file.
            model: what identifies the model in the file. By default the backend is asked, so a server has to be up
                even if every answer is known.
            batch: prompts per pass of a backend in this process.
        """
        self.backend, self.path, self.model, self.batch = backend, path, model, batch
        self._journal = Journal(path)
        self._known: dict[str, str] = {}
        for entry in self._journal.known.values():
            self._known |= entry
        self.generated = 0
        """How many answers came from the backend, not from the file."""

    def texts(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[str]:
        """The answer to each prompt, in order. One that stopped at the length limit has lost its last line.

        Raises GenerationError if the backend cannot continue; the answers it has given by then are kept.
        """
        if not prompts:
            return []
        self.model = self.model or self.backend.identity()
        keys = [content_key("answer", self.model, asdict(sampling), prompt) for prompt in prompts]
        missing = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in self._known}
        if missing:
            before = self.generated
            try:
                if isinstance(self.backend, ConcurrentBackend):
                    self._request(self.backend, missing, sampling)
                else:
                    self._generate(missing, sampling)
            except GenerationError as error:
                kept = f"{self.generated - before} of {len(missing)} answers arrived before"
                kept += f" and are kept in {self.path}" if self.path else ""
                raise GenerationError(f"{error} ({kept})") from error
        return [self._known[key] for key in keys]

    def _generate(self, missing: dict[str, Prompt], sampling: Sampling) -> None:
        """Answers from a model in this process, in large batches."""
        keys = list(missing)
        for start in range(0, len(keys), self.batch):
            batch = keys[start : start + self.batch]
            completions = self.backend.generate([missing[key] for key in batch], sampling)
            self._keep({key: _whole_lines(samples[0]) for key, samples in zip(batch, completions, strict=True)})

    def _request(self, backend: ConcurrentBackend, missing: dict[str, Prompt], sampling: Sampling) -> None:
        """Answers from servers, each kept when it arrives. After a failure no new request is sent."""
        progress = Progress("generating", len(missing))
        lock = threading.Lock()

        def request(number: int, key: str) -> None:
            completion = backend.complete(missing[key], sampling, number=number)
            with lock:
                self._keep({key: _whole_lines(completion)})
            progress.add(1, len(completion.token_ids) or len(completion.logprobs))

        with _pool(backend.concurrency) as pool:
            futures: list[Future[None]] = [pool.submit(request, number, key) for number, key in enumerate(missing)]
            for future in as_completed(futures):
                future.result()
        progress.close()

    def _keep(self, answers: dict[str, str]) -> None:
        self._journal.append(content_key(*answers), answers)
        self._known |= answers
        self.generated += len(answers)


def _whole_lines(completion: Completion) -> str:
    text = completion.text
    return text[: text.rfind("\n") + 1] if completion.finish_reason == "length" else text


@contextmanager
def _pool(threads: int) -> Iterator[ThreadPoolExecutor]:
    """A pool that is left when what runs in it has ended; what still waits then is dropped."""
    pool = ThreadPoolExecutor(threads)
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)
