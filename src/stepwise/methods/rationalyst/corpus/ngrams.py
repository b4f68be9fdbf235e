"""Runs of words as 64-bit hashes, many at once: what duplicates and overlaps with test problems are found by."""

from __future__ import annotations

import numpy as np
import xxhash

from stepwise.tasks.preparation.overlap import words

Hashes = np.ndarray
"""dtype uint64, shape (n,)."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd base of the polynomial that combines the hashes of words, modulo 2^64."""


def word_hashes(text: str) -> Hashes:
    """A hash for each word or number of a text, lower case."""
    found = words(text)
    return np.fromiter((xxhash.xxh64_intdigest(word.encode()) for word in found), dtype=np.uint64, count=len(found))


def ngrams(hashed: Hashes, length: int) -> Hashes:
    """Hashes of all runs of `length` words; shape (words - length + 1,), empty where there are too few."""
    count = len(hashed) - length + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    found = np.zeros(count, dtype=np.uint64)
    for offset in range(length):
        found = found * _BASE + hashed[offset : offset + count]
    return found
