"""BLEU as REFINER's released evaluation computes it (spec 1.9): of code tokens, up to 4-grams, without smoothing."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

ORDER = 4


def bleu(pairs: Sequence[tuple[str, str]]) -> float:
    """Corpus BLEU of (reference, hypothesis) pairs, from 0 to 1; 0 if no n-gram of some length matches.

    A reward takes a corpus of a single pair. The released code divides by zero if all hypotheses are empty.
    """
    matches, totals = [0] * ORDER, [0] * ORDER
    lengths = [0, 0]
    for texts in pairs:
        reference, hypothesis = (tokens(text) for text in texts)
        lengths = [lengths[0] + len(reference), lengths[1] + len(hypothesis)]
        for index in range(ORDER):
            wanted, written = _ngrams(reference, index + 1), _ngrams(hypothesis, index + 1)
            matches[index] += (wanted & written).total()
            totals[index] += written.total()
    if not all(matches):
        return 0.0
    precision = sum(math.log(match / total) for match, total in zip(matches, totals, strict=True)) / ORDER
    return math.exp(min(0.0, 1 - lengths[0] / lengths[1]) + precision)


def tokens(text: str) -> list[str]:
    """The lower-case words and single other characters of a text; all quotes are the same."""
    return re.findall(r"[a-z0-9_]+|[^a-z0-9_\s]", re.sub("[\"']", "`", text.lower()))


def _ngrams(words: Sequence[str], size: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[start : start + size]) for start in range(len(words) - size + 1))
