"""Documents scored per second, against sentence-transformers with its defaults on the same unsorted texts.

Both use one thread. Both must keep the same documents, except within 0.002 of the threshold; the threshold is the
median score, where most documents are close to it.

    STEPWISE_DATA=... python -m benchmarks.prefilter --documents 1000 --out metrics/benchmarks/prefilter.json
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import webtext
from stepwise.methods.rationalyst.corpus import manifest
from stepwise.methods.rationalyst.corpus.packaged_models import model_folder
from stepwise.methods.rationalyst.corpus.pipeline import chunk
from stepwise.methods.rationalyst.prefilter.embedders import SentenceEmbedder, normalised
from stepwise.records import write_json

MARGIN = 0.002


def main() -> None:
    """Measure, print a table, and write the figures where --out says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    torch.set_num_threads(1)
    texts = documents(options.documents)
    embed_by_name = embedders()
    queries = {name: query(embed) for name, embed in embed_by_name.items()}
    seconds: dict[str, list[float]] = {name: [] for name in embed_by_name}
    scores: dict[str, np.ndarray] = {}
    for _ in range(options.repeats):
        for name, embed in embed_by_name.items():
            start = time.perf_counter()
            scores[name] = embed(texts) @ queries[name]
            seconds[name].append(time.perf_counter() - start)
    rows = compare(scores, seconds, len(texts))
    print(f"{'':24}{'documents/s':>12}{'ratio':>8}{'largest difference':>20}{'decided otherwise':>19}")
    for name, row in rows.items():
        rate, ratio = row["documents_per_second"], row["ratio"]
        print(f"{name:24}{rate:>12}{ratio:>8}{row['largest_difference']:>20}{row['decided_otherwise']:>19}")
    if options.out:
        write_json(options.out, {"documents": len(texts), "ways": rows})


def embedders() -> dict[str, Callable[[Sequence[str]], np.ndarray]]:
    """The baseline first, then ours at both precisions."""
    from sentence_transformers import SentenceTransformer

    plain = SentenceTransformer(model_folder(webtext.MINILM), device="cpu")
    settings = webtext.embedding(1)
    stepwise = {
        f"stepwise {dtype}": SentenceEmbedder(settings.embedder, dtype, settings.batch_tokens).embed
        for dtype in ("float32", "bfloat16")
    }
    return {"sentence-transformers": lambda texts: normalised(np.asarray(plain.encode(list(texts)))), **stepwise}


def documents(count: int) -> list[str]:
    """Documents of a sample of webtext, shuffled."""
    with tempfile.TemporaryDirectory() as folder:
        source = webtext.sample(count / 400, Path(folder) / "data")
        params = webtext.corpus([source], 1).model_copy(update={"least_tokens": 16})
        chunk(params, data=Path(folder), tests=[], work=Path(folder) / "work", out=Path(folder) / "out")
        texts = [document.text for document in manifest.all_documents(Path(folder) / "out")]
    random.Random(0).shuffle(texts)
    return texts[:count]


def query(embed: Callable[[Sequence[str]], np.ndarray]) -> np.ndarray:
    """The mean of the reasoning data sets' centroids."""
    centroids = []
    for problems in webtext.references().values():
        vectors = embed([document.text for document in islice(problems, 50)])
        centroids.append(normalised(vectors.sum(axis=0)))
    return normalised(np.mean(centroids, axis=0))


def compare(scores: dict[str, np.ndarray], seconds: dict[str, list[float]], count: int) -> dict[str, Any]:
    """Every embedder against the first one."""
    baseline = next(iter(scores))
    threshold = float(np.median(scores[baseline]))
    clear = np.abs(scores[baseline] - threshold) > MARGIN
    rows = {}
    for name, own in scores.items():
        otherwise = (own >= threshold) != (scores[baseline] >= threshold)
        rows[name] = {
            "documents_per_second": round(count / statistics.median(seconds[name]), 1),
            "ratio": round(statistics.median(seconds[baseline]) / statistics.median(seconds[name]), 2),
            "largest_difference": round(float(np.abs(own - scores[baseline]).max()), 5),
            "decided_otherwise": int((otherwise & clear).sum()),
            "decided_otherwise_within_margin": int((otherwise & ~clear).sum()),
        }
    return rows


if __name__ == "__main__":
    main()
