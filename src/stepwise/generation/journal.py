"""An append-only log of a pass, one line per batch, from which a killed pass resumes."""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from stepwise.generation.base import Completion
from stepwise.progress import Progress

log = logging.getLogger(__name__)
Batch = TypeVar("Batch")


def content_key(*parts: Any) -> str:
    """Hash of everything that the results of a batch depend on (JSON values: model fingerprint, sampling, prompts)."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class Journal:
    """Results of whole batches by content hash.

    Lines of another model, sampling or set of prompts have other keys: they are kept and never read. A line that a kill
    cut off is removed when the journal is opened. Without a path nothing is kept.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.known: dict[str, Any] = {}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                self._load(path)

    def _load(self, path: Path) -> None:
        good = 0
        with path.open("rb") as lines:
            for line in lines:
                try:
                    entry = json.loads(line) if line.endswith(b"\n") else None
                    if entry is None:
                        break
                    self.known[entry["key"]] = entry["results"]
                except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
                    break
                good += len(line)
        if good < path.stat().st_size:
            log.warning("%s: the last write was cut off; resuming after %d whole batches", path, len(self.known))
            os.truncate(path, good)

    def append(self, key: str, results: Any) -> None:
        """Append a batch and wait until it is on disk."""
        self.known[key] = results
        if self.path is None:
            return
        line = json.dumps({"key": key, "results": results}, ensure_ascii=False, allow_nan=False) + "\n"
        with self.path.open("a", encoding="utf-8") as out:
            out.write(line)
            out.flush()
            os.fsync(out.fileno())


def run(
    path: Path | None,
    batches: Sequence[Batch],
    key: Callable[[Batch], str],
    compute: Callable[[Batch], Any],
    progress: Progress,
) -> Iterator[tuple[Batch, Any]]:
    """Each batch with its results (a JSON list), read from the journal or else computed and appended to it.

    `compute` counts its own results in `progress`; results from the journal are counted here.
    """
    journal = Journal(path)
    for batch in batches:
        name = key(batch) if path is not None else ""
        known = path is not None and name in journal.known
        results = journal.known[name] if known else compute(batch)
        if path is not None and not known:
            journal.append(name, results)
        if known:
            progress.skip(len(results))
        yield batch, results
    progress.close()


def pack(completions: Sequence[Completion]) -> list[dict[str, Any]]:
    """Completions as JSON values."""
    return [dict(vars(completion)) for completion in completions]


def unpack(values: Sequence[dict[str, Any]]) -> list[Completion]:
    """The inverse of `pack`, with or without a round trip through JSON; floats come back bit for bit."""
    return [
        Completion(
            text=value["text"],
            token_ids=tuple(value["token_ids"]),
            logprobs=tuple(value["logprobs"]),
            finish_reason=value["finish_reason"],
        )
        for value in values
    ]
