"""Exact and near duplicates, by datatrove's MinHash: signatures per shard, pairs per bucket, one kept per cluster.

Exact duplicates are found by one more bucket whose signature is the whole sequence of words. So both kinds form
clusters together, and no text is lost because two methods kept different copies of it.
"""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xxhash
from datatrove.data import DocumentsPipeline
from datatrove.io import get_datafolder
from datatrove.pipeline.base import PipelineStep
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupBuckets, MinhashDedupSignature
from datatrove.utils.word_tokenizers import WordTokenizer

from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.methods.rationalyst.corpus.ngrams import ngram_hashes, word_hashes
from stepwise.params.rationalyst import RationalystCorpusParams

Node = tuple[int, int]
"""A document: its shard, and its place in the shard."""

_PAIR = struct.Struct("<4I")


class Words(WordTokenizer):
    """The word tokenizer that datatrove requires; our n-grams do not use it."""

    def word_tokenize(self, text: str) -> list[str]:
        """Words between white space."""
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        """The text as one sentence."""
        return [text]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        """The span of that sentence."""
        return [(0, len(text))]


class Signatures(MinhashDedupSignature):
    """A MinHash signature of each document, and a hash of all its words."""

    def get_shingles(self, text: str) -> np.ndarray:
        """Hashed n-grams of words, shape (n, 1); a text shorter than n is a single n-gram."""
        hashed = word_hashes(text)
        return ngram_hashes(hashed, min(self.config.n_grams, max(1, len(hashed)))).reshape(-1, 1)

    def get_signature(self, shingles: np.ndarray) -> list[list[int]]:
        """The buckets' hashes; the last bucket has the hash of the whole sequence.

        It has 60 bits, because the library reads no hash above 2^61 - 1.
        """
        *near, _ = super().get_signature(shingles)
        return [*near, [xxhash.xxh64_intdigest(shingles.tobytes()) >> 4] * self.config.hashes_per_bucket]


class Clusters(PipelineStep):
    """From pairs to the duplicates: all documents of a cluster but the first."""

    type = "DEDUP"
    name = "clusters"

    def __init__(self, pairs: Path, out: Path, shards: int, buckets: int) -> None:
        super().__init__()
        self.pairs, self.out, self.shards, self.exact = pairs, out, shards, buckets - 1

    def run(self, _data: DocumentsPipeline = None, _rank: int = 0, _shards: int = 1) -> Iterator[None]:
        """Write a file per shard with the places of its duplicates: `{"exact": [...], "near": [...]}`."""
        files = sorted(self.pairs.glob("*.dups"))
        exact = _clustered(pair for file in files if _bucket(file) == self.exact for pair in _pairs(file))
        clusters = _clustered(pair for file in files for pair in _pairs(file))
        places: list[dict[str, list[int]]] = [{"exact": [], "near": []} for _ in range(self.shards)]
        for node in sorted(clusters):
            if clusters[node] != node:
                kind = "exact" if exact.get(node, node) != node else "near"
                places[node[0]][kind].append(node[1])
        self.out.mkdir(parents=True, exist_ok=True)
        for shard, kinds in enumerate(places):
            (self.out / f"{shard:05d}.json").write_text(json.dumps(kinds), encoding="utf-8")
        yield from ()


def config(params: RationalystCorpusParams) -> MinhashConfig:
    """Datatrove's settings; the last bucket is for exact duplicates."""
    return MinhashConfig(
        n_grams=params.minhash_ngram, num_buckets=params.minhash_buckets + 1, hashes_per_bucket=params.minhash_hashes
    )


def signatures(params: RationalystCorpusParams, folder: Path) -> Signatures:
    """The step that writes signatures."""
    return Signatures(str(folder), config(params), language=Words())


def pairs(params: RationalystCorpusParams, signatures: Path, folder: Path) -> MinhashDedupBuckets:
    """The step that finds pairs of equal signatures, one task per bucket."""
    return MinhashDedupBuckets(str(signatures), str(folder), config=config(params), lines_to_buffer=1000)


def duplicates(folder: Path, shard: int) -> dict[int, str]:
    """Places of a shard's duplicates, each with its kind. Raises CorpusError if the search has not finished."""
    path = get_datafolder(str(folder))
    name = f"{shard:05d}.json"
    if not path.isfile(name):
        raise CorpusError(f"{folder} has no {name}: the search for duplicates did not finish; run it again")
    with path.open(name, "r") as lines:
        return {place: kind for kind, places in json.load(lines).items() for place in places}


def _bucket(file: Path) -> int:
    number = re.match(r"\d+", file.name)
    return int(number.group()) if number else -1


def _pairs(file: Path) -> Iterator[tuple[Node, Node]]:
    content = file.read_bytes()
    for shard, place, other_shard, other_place in _PAIR.iter_unpack(content):
        yield (shard, place), (other_shard, other_place)


def _clustered(pairs: Iterator[tuple[Node, Node]]) -> dict[Node, Node]:
    """Every document of a pair, with the first document of its cluster (union-find, the smaller root wins)."""
    parents: dict[Node, Node] = {}

    def root(node: Node) -> Node:
        parents.setdefault(node, node)
        while parents[node] != node:
            parents[node] = parents[parents[node]]
            node = parents[node]
        return node

    for left, right in pairs:
        first, second = sorted((root(left), root(right)))
        parents[second] = first
    return {node: root(node) for node in list(parents)}
