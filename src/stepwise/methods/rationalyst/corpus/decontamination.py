"""Finds documents that contain a test problem, by shared n-grams of words, for several n to show what n changes.

A test text shorter than n words counts as a single n-gram, down to SHORTEST words; otherwise short questions would
never be found.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stepwise.methods.rationalyst.corpus.ngrams import Hashes, ngram_hashes, word_hashes

SHORTEST = 5
"""Words in the shortest test text that is looked for."""


@dataclass(frozen=True)
class TestIndex:
    """N-grams of all test texts as sorted 64-bit hashes: `grams[size][length]`; length < size for short texts."""

    __test__ = False
    grams: dict[int, dict[int, Hashes]]

    def overlaps(self, text: str) -> tuple[int, ...]:
        """The sizes at which a text shares an n-gram with a test text."""
        hashed = word_hashes(text)
        distinct = {length for lengths in self.grams.values() for length in lengths}
        own = {length: ngram_hashes(hashed, length) for length in distinct}
        return tuple(
            size
            for size, lengths in self.grams.items()
            if any(_intersect(own[length], known) for length, known in lengths.items())
        )

    def save(self, path: Path) -> None:
        """Write the index as an .npz file of plain arrays."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f"{size}-{length}": known for size, grams in self.grams.items() for length, known in grams.items()}
        with path.open("wb") as out:
            np.savez(out, allow_pickle=False, sizes=np.array(list(self.grams), dtype=np.int64), **arrays)

    @classmethod
    def load(cls, path: Path) -> TestIndex:
        """Read an index that `save` wrote."""
        with np.load(path, allow_pickle=False) as arrays:
            grams: dict[int, dict[int, Hashes]] = {int(size): {} for size in arrays["sizes"]}
            for name in arrays.files:
                if name != "sizes":
                    size, length = map(int, name.split("-"))
                    grams[size][length] = arrays[name]
        return cls(grams)


def index_tests(texts: Iterable[str], sizes: Sequence[int]) -> TestIndex:
    """The index of test texts (questions, and reference solutions) at n-grams of these sizes."""
    grams: dict[int, dict[int, list[Hashes]]] = {size: {} for size in sizes}
    for text in texts:
        hashed = word_hashes(text)
        for size, lengths in grams.items():
            length = min(size, len(hashed))
            if length >= min(size, SHORTEST):
                lengths.setdefault(length, []).append(ngram_hashes(hashed, length))
    return TestIndex(
        {
            size: {length: np.unique(np.concatenate(parts)) for length, parts in lengths.items()}
            for size, lengths in grams.items()
        }
    )


def _intersect(hashes: Hashes, known: Hashes) -> bool:
    """Whether any of the hashes is in the sorted array `known`."""
    if not len(hashes) or not len(known):
        return False
    places = np.minimum(np.searchsorted(known, hashes), len(known) - 1)
    return bool((known[places] == hashes).any())
