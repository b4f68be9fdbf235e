"""Corpus and prefilter on webtext: two workers against one, peak memory against size, and what the score tells apart.

    export STEPWISE_DATA=...
    python -m benchmarks.corpus chunk --megabytes 10 --out metrics/benchmarks/corpus-chunk.json
    python -m benchmarks.corpus prefilter --megabytes 10 --out metrics/benchmarks/corpus-prefilter.json
    python -m benchmarks.corpus whole --out metrics/benchmarks/corpus-whole.json

`chunk` and `prefilter` compare two workers of one thread with one; `whole` runs both on all of webtext with two. Memory
is the proportional set size of a run and its workers, at its highest.
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
    """Measure, print, and write the figures where --out says."""
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
    found: dict[str, Any] = {}
    if part == "prefilter":
        found["chunk"] = measured(run_chunk, folder, "1", 1)
    for workers in (1, 2):
        given = (run_chunk, folder, str(workers), workers) if part == "chunk" else (run_score, folder, "1", workers)
        found[f"workers_{workers}"] = measured(*given)
    found["ratio"] = round(found["workers_1"]["seconds"] / found["workers_2"]["seconds"], 2)
    return found


def whole(folder: Path, thresholds: list[float]) -> dict[str, Any]:
    """All of webtext with two workers, its memory against a sample's, and what the scores say of the sources."""
    webtext.sample(10, folder / "data")
    found = {"chunk_10_mb": measured(run_chunk, folder, "sample", 2)}
    (folder / "data").rename(folder / "sample data")
    found["chunk"] = measured(run_chunk, folder, "whole", 2)
    found["prefilter"] = measured(run_score, folder, "whole", 2)
    scores = list(iterate_jsonl(folder / "whole" / "scores.jsonl", DocumentScore))
    shares = {str(threshold): kept_shares(scores, threshold) for threshold in thresholds}
    return {**found, "share_kept": shares, "auc": round(area(scores), 4), "auc_by_source": by_source(scores)}


def measured(job: Callable[[Path, str, int], None], folder: Path, name: str, workers: int) -> dict[str, float]:
    """Seconds and peak memory of a job in a process of its own."""
    process = multiprocessing.get_context("spawn").Process(target=job, args=(folder, name, workers))
    begun, peak = time.perf_counter(), 0
    process.start()
    while process.is_alive():
        peak = max(peak, memory(process.pid or 0))
        process.join(EVERY_SECONDS)
    if process.exitcode:
        raise SystemExit(f"{job.__name__} with {workers} workers ended with {process.exitcode}")
    timed = json.loads((folder / name / f"{job.__name__}.json").read_text())
    return {"seconds": timed["seconds"], "wall_seconds": time.perf_counter() - begun, "peak_mb": peak / 1e6, **timed}


def memory(pid: int) -> int:
    """Bytes that a process and those it started hold, shared pages divided among those that share them."""
    total = 0
    try:
        process = psutil.Process(pid)
        for one in [process, *process.children(recursive=True)]:
            total += one.memory_full_info().pss
    except psutil.Error:
        return total
    return total


def run_chunk(folder: Path, name: str, workers: int) -> None:
    """Make the corpus: of the sample where there is one, else of all of webtext."""
    sampled = (folder / "data").is_dir()
    sources = [CorpusSource(name="webtext", kind="jsonl", address="*.jsonl.gz")] if sampled else webtext.sources()
    begun = time.perf_counter()
    counts = chunk(
        webtext.corpus(sources, workers), data=folder / "data", tests=[], work=folder / name / "work",
        out=folder / name / "documents",
    )  # fmt: skip
    timed = {"seconds": time.perf_counter() - begun, "documents": counts["documents"], "tokens": counts["tokens"]}
    write_json(folder / name / "run_chunk.json", timed)


def run_score(folder: Path, name: str, workers: int) -> None:
    """Score the documents that run_chunk made."""
    begun = time.perf_counter()
    counts = score_documents(
        webtext.embedding(workers), documents=folder / name / "documents", references=webtext.references(),
        work=folder / name / f"scoring-{workers}", out=folder / name / "scores.jsonl",
    )  # fmt: skip
    timed = {"seconds": time.perf_counter() - begun, "documents": counts["documents"]}
    write_json(folder / name / "run_score.json", timed)


def kept_shares(scores: list[DocumentScore], threshold: float) -> dict[str, float]:
    """The share of each source's documents that reach a threshold."""
    found: dict[str, list[bool]] = {}
    for one in scores:
        found.setdefault(one.source, []).append(one.score >= threshold)
    return {name: round(sum(some) / len(some), 4) for name, some in sorted(found.items())}


def area(scores: list[DocumentScore], reasoning: tuple[str, ...] = REASONING) -> float:
    """How often a document of a reasoning source scores above one of another (AUC); ties count half."""
    from scipy.stats import rankdata

    chosen = [one for one in scores if one.source.startswith((*reasoning, *OTHER))]
    ranks = rankdata([one.score for one in chosen])
    positive = np.array([one.source.startswith(reasoning) for one in chosen])
    count, others = int(positive.sum()), int((~positive).sum())
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def by_source(scores: list[DocumentScore]) -> dict[str, float]:
    """The same for each reasoning source alone."""
    names = sorted({one.source for one in scores if one.source.startswith(REASONING)})
    return {name: round(area(scores, (name,)), 4) for name in names}


if __name__ == "__main__":
    main()
