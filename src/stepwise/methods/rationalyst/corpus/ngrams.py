"""N-grams of words as 64-bit hashes, computed for a whole text at once: for duplicates and overlaps with test problems.

The words are those of `stepwise.ngrams`; hashes make n-grams of millions of documents fit into memory.
"""

from __future__ import annotations

import numpy as np
import xxhash

from stepwise.ngrams import words

Hashes = np.ndarray
"""dtype uint64, shape (n,)."""

_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd base of the polynomial that combines the hashes of words, modulo 2^64."""


def word_hashes(text: str) -> Hashes:
    """A hash for each word or number of a text."""
    hashed = [xxhash.xxh64_intdigest(word.encode()) for word in words(text)]
    return np.array(hashed, dtype=np.uint64)


def ngram_hashes(hashed: Hashes, n: int) -> Hashes:
    """Hashes of all n-grams of hashed words; shape (words - n + 1,), empty if there are too few words."""
    count = len(hashed) - n + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(n):
        hashes = hashes * _BASE + hashed[offset : offset + count]
    return hashes
