"""Words of a text and n-grams of words: what texts are compared by. No torch here."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

_WORD = re.compile(r"\w+(?:[.,]\d+)*")


def words(text: str) -> tuple[str, ...]:
    """The words and numbers of a text in lower case and Unicode form NFKC."""
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).lower()))


def ngrams(items: Sequence[T], n: int) -> Iterator[tuple[T, ...]]:
    """All runs of `n` items, in order; none if there are fewer than `n`."""
    return (tuple(items[start : start + n]) for start in range(len(items) - n + 1))
