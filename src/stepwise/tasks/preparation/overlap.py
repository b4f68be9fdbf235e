"""Test questions that also occur in training: word for word, or by shared word n-grams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepwise.ngrams import ngrams, words
from stepwise.records import Problem

EXAMPLES = 5
"""Pairs of each kind to show."""


@dataclass(frozen=True)
class Overlap:
    """Numbers of test questions that occur in training, and example pairs (test id, training id)."""

    exact: int
    """Test questions equal to a training question up to case, spacing and punctuation."""
    ngram: int
    """Other test questions that share at least `threshold` of their n-grams with a single training question."""
    examples: tuple[tuple[str, str], ...] = ()


def find_overlap(train: Sequence[Problem], test: Sequence[Problem], *, n: int = 8, threshold: float = 0.8) -> Overlap:
    """Overlap of two sets of problems by their questions.

    A test question overlaps by n-grams if at least `threshold` of its distinct word n-grams occur in a single training
    question. Questions shorter than n words can only overlap exactly. Numbers are words, so a template filled with
    other numbers does not overlap.
    """
    if n < 1 or not 0 < threshold <= 1:
        raise ValueError(f"n is {n} and threshold {threshold}; n must be at least 1 and threshold in (0, 1]")
    by_text: dict[tuple[str, ...], str] = {}
    by_ngram: dict[tuple[str, ...], list[int]] = {}
    for index, problem in enumerate(train):
        text = words(problem.question)
        by_text.setdefault(text, problem.id)
        for gram in set(ngrams(text, n)):
            by_ngram.setdefault(gram, []).append(index)
    exact: list[tuple[str, str]] = []
    similar: list[tuple[str, str]] = []
    for problem in test:
        text = words(problem.question)
        if text in by_text:
            exact.append((problem.id, by_text[text]))
        elif (nearest := _most_similar(set(ngrams(text, n)), by_ngram, threshold)) is not None:
            similar.append((problem.id, train[nearest].id))
    return Overlap(len(exact), len(similar), tuple((exact[:EXAMPLES] + similar)[: 2 * EXAMPLES]))


def _most_similar(
    grams: set[tuple[str, ...]], by_ngram: dict[tuple[str, ...], list[int]], threshold: float
) -> int | None:
    """The training question that shares the most n-grams, if it shares enough of them."""
    shared: dict[int, int] = {}
    for gram in grams:
        for index in by_ngram.get(gram, ()):
            shared[index] = shared.get(index, 0) + 1
    best = max(shared, key=lambda index: (shared[index], -index), default=None)
    return best if best is not None and shared[best] >= threshold * len(grams) else None
