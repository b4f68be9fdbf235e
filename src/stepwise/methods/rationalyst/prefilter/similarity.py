"""Each document's similarity to reasoning data: its cosine with the mean of reasoning data sets (spec 1.1, 2).

Every data set has the same weight, whatever its size: 97 % of the released mean over all rows comes from one data set.
Texts are embedded unchanged: the released code deletes stop words and punctuation, which the model was trained with.
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
from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.methods.rationalyst.prefilter.embedders import HASHING, fingerprint, get_embedder, normalised
from stepwise.params.rationalyst import RationalystEmbeddingParams
from stepwise.progress import Progress
from stepwise.records import Document, DocumentScore, iterate_jsonl, write_jsonl

T = TypeVar("T")


class Centroid(PipelineStep):
    """The mean embedding of each data set, one data set per task."""

    type = "EMBEDDING"
    name = "centroids"

    def __init__(self, params: RationalystEmbeddingParams, folder: Path) -> None:
        super().__init__()
        self.params, self.folder = params, folder

    def run(self, _data: DocumentsPipeline = None, rank: int = 0, _shards: int = 1) -> Iterator[None]:
        """Write the unit vector of a data set's mean as `RANK.npy`."""
        total: np.ndarray | None = None
        for window in _windows(iterate_jsonl(self.folder / f"{rank:05d}.jsonl", Document), self.params.window):
            subtotal = _embed(self.params, [document.text for document in window]).sum(axis=0)
            total = subtotal if total is None else total + subtotal
            self.stat_update("references", value=len(window))
        if total is None:
            raise CorpusError("a reasoning data set has no solved training problem; remove it from rationalyst_tasks")
        np.save(self.folder / f"{rank:05d}.npy", normalised(total), allow_pickle=False)
        yield from ()


class Score(PipelineStep):
    """The cosine of each document of a shard, one shard per task."""

    type = "EMBEDDING"
    name = "scores"

    def __init__(self, params: RationalystEmbeddingParams, documents: Path, work: Path) -> None:
        super().__init__()
        self.params, self.documents, self.work = params, documents, work

    def run(self, _data: DocumentsPipeline = None, rank: int = 0, _shards: int = 1) -> Iterator[None]:
        """Write the scores of a shard; scores in the journal of a killed run are not computed again."""
        query = centre(self.work / "references")
        shard = manifest.load(self.documents).shards[rank]
        journal = Journal(self.work / "journals" / f"{rank:05d}.jsonl")
        progress = Progress(f"embed {shard.name}", shard.rows)
        scores: list[DocumentScore] = []
        for window in _windows(manifest.documents(self.documents, shard), self.params.window):
            texts = [document.text for document in window]
            key = content_key(fingerprint(self.params), query.tolist(), texts)
            if key not in journal.known:
                cosines = np.clip(_embed(self.params, texts) @ query, -1.0, 1.0)
                journal.append(key, [round(float(cosine), 6) for cosine in cosines])
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
        references: solved training problems of each reasoning data set; the first `params.references` are used.
        work: folder for work in progress; a killed run resumes from it.
        out: the new file of DocumentScore, in the order of the corpus.

    Returns:
        Counts of references and documents.

    Raises:
        CorpusError: no reasoning data set, or one without a solved problem.
        ModelError: the embedder cannot be loaded.
    """
    if not references:
        raise CorpusError(
            "rationalyst_tasks is empty; name the tasks whose training problems the corpus is compared to"
        )
    work, documents = work.absolute(), documents.absolute()
    for rank, problems in enumerate(references.values()):
        write_jsonl(work / "references" / f"{rank:05d}.jsonl", islice(problems, params.references or None))
    with _loaded(params) as workers:
        shards = len(manifest.load(documents).shards)
        centroids, scores = Centroid(params, work / "references"), Score(params, documents, work)
        counts = executors.run(
            [centroids], "centroids", tasks=len(references), workers=workers, array=None, work=work
        ) | executors.run([scores], "scores", tasks=shards, workers=workers, array=None, work=work)
    parts = sorted((work / "scores").glob("*.jsonl"))
    write_jsonl(out, (score for part in parts for score in iterate_jsonl(part, DocumentScore)))
    return counts


def summary(scores: Path) -> dict[str, float]:
    """Deciles of the scores, to choose a threshold by, and the mean of each source."""
    values: list[float] = []
    by_source: dict[str, list[float]] = {}
    for document in iterate_jsonl(scores, DocumentScore):
        values.append(document.score)
        by_source.setdefault(document.source, []).append(document.score)
    deciles = {f"decile.{tenth}0": round(float(np.quantile(values, tenth / 10)), 4) for tenth in range(1, 10)}
    return deciles | {f"mean.{name}": round(float(np.mean(own)), 4) for name, own in sorted(by_source.items())}


def centre(folder: Path) -> np.ndarray:
    """The unit vector of the mean of all centroids. Each centroid has length 1, so data sets have the same weight."""
    centroids = [np.load(path, allow_pickle=False) for path in sorted(folder.glob("*.npy"))]
    return np.asarray(normalised(np.mean(centroids, axis=0)), dtype=np.float32)


@contextmanager
def _loaded(params: RationalystEmbeddingParams) -> Iterator[int]:
    """Load the model before workers are forked, with one thread per process; yields the number of workers.

    With a GPU there is a single worker, because forked processes cannot share it.
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
