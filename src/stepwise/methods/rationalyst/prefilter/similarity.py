"""How near each document is to texts that reason: its cosine with the mean of reasoning data sets (spec 1.1, 2).

Every data set weighs the same, whatever its size: the released mean over all rows is to 97 % one data set's. Words are
left as they are: the released code deletes stop words and punctuation before a model that was trained with them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np
from datatrove.data import DocumentsPipeline
from datatrove.pipeline.base import PipelineStep

from stepwise.generation.journal import Journal, content_key
from stepwise.methods.rationalyst.corpus import executors, manifest
from stepwise.methods.rationalyst.corpus.sources import CorpusError
from stepwise.methods.rationalyst.prefilter.embedders import HASHING, fingerprint, get_embedder, normalised
from stepwise.params.rationalyst import RationalystEmbeddingParams
from stepwise.progress import Progress
from stepwise.records import Document, DocumentScore, iterate_jsonl, write_jsonl

T = TypeVar("T")


class Centroid(PipelineStep):
    """The mean embedding of each data set, one a task."""

    type = "EMBEDDING"
    name = "centroids"

    def __init__(self, params: RationalystEmbeddingParams, folder: Path) -> None:
        super().__init__()
        self.params, self.folder = params, folder

    def run(self, _data: DocumentsPipeline = None, rank: int = 0, _shards: int = 1) -> Iterator[None]:
        """Write the mean of a set as `RANK.npy`, of length 1."""
        total: np.ndarray | None = None
        for window in _windows(iterate_jsonl(self.folder / f"{rank:05d}.jsonl", Document), self.params.window):
            found = _embed(self.params, [document.text for document in window]).sum(axis=0)
            total = found if total is None else total + found
            self.stat_update("references", value=len(window))
        if total is None:
            raise CorpusError("a reasoning data set has no solved training problem; take it out of rationalyst_tasks")
        np.save(self.folder / f"{rank:05d}.npy", normalised(total), allow_pickle=False)
        yield from ()


class Score(PipelineStep):
    """The cosine of each document of a shard, one shard a task."""

    type = "EMBEDDING"
    name = "scores"

    def __init__(self, params: RationalystEmbeddingParams, documents: Path, work: Path) -> None:
        super().__init__()
        self.params, self.documents, self.work = params, documents, work

    def run(self, _data: DocumentsPipeline = None, rank: int = 0, _shards: int = 1) -> Iterator[None]:
        """Write the scores of a shard; those that a killed run wrote down are not made again."""
        query = centre(self.work / "references")
        shard = manifest.load(self.documents).shards[rank]
        journal = Journal(self.work / "journals" / f"{rank:05d}.jsonl")
        progress = Progress(f"embed {shard.name}", shard.rows)
        scores: list[DocumentScore] = []
        for window in _windows(manifest.documents(self.documents, shard), self.params.window):
            texts = [document.text for document in window]
            key = content_key(fingerprint(self.params), query.tolist(), texts)
            if key not in journal.known:
                found = np.clip(_embed(self.params, texts) @ query, -1.0, 1.0)
                journal.append(key, [round(float(one), 6) for one in found])
                progress.add(len(window), sum(map(len, texts)) // 4)
            for document, score in zip(window, journal.known[key], strict=True):
                scores.append(DocumentScore(document_id=document.id, source=document.source, score=score))
            self.stat_update("documents", value=len(window))
        write_jsonl(self.work / "scores" / f"{rank:05d}.jsonl", scores)
        yield from ()


def score_documents(
    params: RationalystEmbeddingParams,
    *,
    documents: Path,
    references: dict[str, Iterator[Document]],
    work: Path,
    out: Path,
) -> executors.Counts:
    """Score every document of a corpus.

    Args:
        params: embedder, batches, workers.
        documents: the corpus, a folder with a manifest.
        references: solved training problems of each reasoning data set; the first `params.references` count.
        work: folder of work in progress; a killed run goes on from it.
        out: the new file of DocumentScore, in the order of the corpus.

    Returns:
        Counts of references and documents.

    Raises:
        CorpusError: no reasoning data set, or one without a solved problem.
        ModelError: the embedder is not there.
    """
    if not references:
        raise CorpusError(
            "rationalyst_tasks is empty; name the tasks whose training problems the corpus is compared with"
        )
    work, documents = work.absolute(), documents.absolute()
    for rank, found in enumerate(references.values()):
        write_jsonl(work / "references" / f"{rank:05d}.jsonl", islice(found, params.references or None))
    with _loaded(params) as workers:
        shards = len(manifest.load(documents).shards)
        centroids, scores = Centroid(params, work / "references"), Score(params, documents, work)
        counts = executors.run(
            [centroids], "centroids", tasks=len(references), workers=workers, array=None, work=work
        ) | executors.run([scores], "scores", tasks=shards, workers=workers, array=None, work=work)
    parts = sorted((work / "scores").glob("*.jsonl"))
    write_jsonl(out, (one for part in parts for one in iterate_jsonl(part, DocumentScore)))
    return counts


def summary(scores: Path) -> dict[str, float]:
    """Deciles of the scores, by which a threshold can be chosen, and the mean of each source."""
    every: list[float] = []
    by_source: dict[str, list[float]] = {}
    for one in iterate_jsonl(scores, DocumentScore):
        every.append(one.score)
        by_source.setdefault(one.source, []).append(one.score)
    found = {f"decile.{tenth}0": round(float(np.quantile(every, tenth / 10)), 4) for tenth in range(1, 10)}
    return found | {f"mean.{name}": round(float(np.mean(some)), 4) for name, some in sorted(by_source.items())}


def centre(folder: Path) -> np.ndarray:
    """The unit vector in the middle of all centroids, each of length 1: data sets weigh the same."""
    found = [np.load(path, allow_pickle=False) for path in sorted(folder.glob("*.npy"))]
    return np.asarray(normalised(np.mean(found, axis=0)), dtype=np.float32)


@contextmanager
def _loaded(params: RationalystEmbeddingParams) -> Iterator[int]:
    """Load the model once, for one thread a process, so that forked workers have it; gives the number of workers.

    A GPU is used by this process alone: it cannot be shared with forked ones.
    """
    if params.embedder == HASHING:
        yield params.workers
        return
    import torch

    if torch.cuda.is_available():
        yield 1
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        get_embedder(params.embedder, params.dtype, params.batch_tokens)
        yield params.workers
    finally:
        torch.set_num_threads(threads)


def _embed(params: RationalystEmbeddingParams, texts: Sequence[str]) -> np.ndarray:
    return get_embedder(params.embedder, params.dtype, params.batch_tokens).embed(texts)


def _windows(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while window := list(islice(items, size)):
        yield window
