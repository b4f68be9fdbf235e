"""Corpus and prefilter on webtext: two workers against one, peak memory against size, and how well scores separate.

    export STEPWISE_DATA=...
    python -m benchmarks.corpus chunk --megabytes 10 --out metrics/benchmarks/corpus-chunk.json
    python -m benchmarks.corpus prefilter --megabytes 10 --out metrics/benchmarks/corpus-prefilter.json
    python -m benchmarks.corpus whole --out metrics/benchmarks/corpus-whole.json

`chunk` and `prefilter` compare two single-threaded workers with one; `whole` runs both stages on all of webtext with
two workers. Memory is the peak proportional set size of a run and its workers.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks import webtext
from stepwise.methods.rationalyst.corpus.pipeline import chunk
from stepwise.methods.rationalyst.prefilter.similarity import score_documents
from stepwise.params.rationalyst import CorpusSource
from stepwise.records import DocumentScore, iterate_jsonl, write_json

REASONING = ("openstax_", "rust_rfcs")
OTHER = ("c4_sample", "us_digitalgov", "wikipedia_")
EVERY_SECONDS = 0.2


def main() -> None:
    """Measure, print, and write the figures to --out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("chunk", "prefilter", "whole"))
    parser.add_argument("--megabytes", type=float, default=10)
    parser.add_argument("--thresholds", type=float, nargs="+", default=[0.0, 0.05, 0.1, 0.15, 0.2])
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.part == "whole":
            figures = whole(folder, options.thresholds)
        else:
            webtext.sample(options.megabytes, folder / "data")
            figures = {"megabytes": options.megabytes, **two_against_one(options.part, folder)}
    print(json.dumps(figures, indent=2))
    if options.out:
        write_json(options.out, figures)


def two_against_one(part: str, folder: Path) -> dict[str, Any]:
    """Seconds and memory with one worker and with two, on the sample."""
    figures: dict[str, Any] = {}
    if part == "prefilter":
        figures["chunk"] = measured(run_chunk, folder, "1", 1)
    for workers in (1, 2):
        job = (run_chunk, folder, str(workers), workers) if part == "chunk" else (run_score, folder, "1", workers)
        figures[f"workers_{workers}"] = measured(*job)
    figures["ratio"] = round(figures["workers_1"]["seconds"] / figures["workers_2"]["seconds"], 2)
    return figures


def whole(folder: Path, thresholds: list[float]) -> dict[str, Any]:
    """All of webtext with two workers, its memory compared to a sample's, and the scores by source."""
    webtext.sample(10, folder / "data")
    figures = {"chunk_10_mb": measured(run_chunk, folder, "sample", 2)}
    (folder / "data").rename(folder / "sample data")
    figures["chunk"] = measured(run_chunk, folder, "whole", 2)
    figures["prefilter"] = measured(run_score, folder, "whole", 2)
    scores = list(iterate_jsonl(folder / "whole" / "scores.jsonl", DocumentScore))
    shares = {str(threshold): kept_shares(scores, threshold) for threshold in thresholds}
    return {**figures, "share_kept": shares, "auc": round(auc(scores), 4), "auc_by_source": auc_by_source(scores)}


def measured(job: Callable[[Path, str, int], None], folder: Path, name: str, workers: int) -> dict[str, float]:
    """Seconds and peak memory of a job in a separate process."""
    process = multiprocessing.get_context("spawn").Process(target=job, args=(folder, name, workers))
    start, peak = time.perf_counter(), 0
    process.start()
    while process.is_alive():
        peak = max(peak, memory(process.pid or 0))
        process.join(EVERY_SECONDS)
    if process.exitcode:
        raise SystemExit(f"{job.__name__} with {workers} workers ended with {process.exitcode}")
    timed = json.loads((folder / name / f"{job.__name__}.json").read_text())
    return {"seconds": timed["seconds"], "wall_seconds": time.perf_counter() - start, "peak_mb": peak / 1e6, **timed}


def memory(pid: int) -> int:
    """Bytes held by a process and its descendants; a shared page is divided among the processes that share it."""
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            total += process.memory_full_info().pss
    except psutil.Error:
        return total
    return total


def run_chunk(folder: Path, name: str, workers: int) -> None:
    """Build the corpus, from the sample if there is one, else from all of webtext."""
    sampled = (folder / "data").is_dir()
    sources = [CorpusSource(name="webtext", kind="jsonl", address="*.jsonl.gz")] if sampled else webtext.sources()
    start = time.perf_counter()
    counts = chunk(
        webtext.corpus(sources, workers), data=folder / "data", tests=[], work=folder / name / "work",
        out=folder / name / "documents",
    )  # fmt: skip
    timed = {"seconds": time.perf_counter() - start, "documents": counts["documents"], "tokens": counts["tokens"]}
    write_json(folder / name / "run_chunk.json", timed)


def run_score(folder: Path, name: str, workers: int) -> None:
    """Score the documents of run_chunk."""
    start = time.perf_counter()
    counts = score_documents(
        webtext.embedding(workers), documents=folder / name / "documents", references=webtext.references(),
        work=folder / name / f"scoring-{workers}", out=folder / name / "scores.jsonl",
    )  # fmt: skip
    timed = {"seconds": time.perf_counter() - start, "documents": counts["documents"]}
    write_json(folder / name / "run_score.json", timed)


def kept_shares(scores: list[DocumentScore], threshold: float) -> dict[str, float]:
    """The share of each source's documents that reach a threshold."""
    kept: dict[str, list[bool]] = {}
    for document in scores:
        kept.setdefault(document.source, []).append(document.score >= threshold)
    return {name: round(sum(flags) / len(flags), 4) for name, flags in sorted(kept.items())}


def auc(scores: list[DocumentScore], reasoning: tuple[str, ...] = REASONING) -> float:
    """How often a document of a reasoning source scores above one of the other sources (AUC); ties count half."""
    from scipy.stats import rankdata

    documents = [document for document in scores if document.source.startswith((*reasoning, *OTHER))]
    ranks = rankdata([document.score for document in documents])
    positive = np.array([document.source.startswith(reasoning) for document in documents])
    count, others = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def auc_by_source(scores: list[DocumentScore]) -> dict[str, float]:
    """The AUC of each reasoning source alone."""
    names = sorted({document.source for document in scores if document.source.startswith(REASONING)})
    return {name: round(auc(scores, (name,)), 4) for name in names}


if __name__ == "__main__":
    main()
