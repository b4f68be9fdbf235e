"""Means over documents: notes of the same document are alike, so confidence intervals are taken over documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from stepwise.statistics import bootstrap


def mean(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The mean over documents of each document's mean, with its 95 % bootstrap interval.

    `values` are pairs (document id, value). Raises ValueError when there are none.
    """
    by_document: dict[str, list[float]] = {}
    for document, value in values:
        by_document.setdefault(document, []).append(value)
    return asdict(bootstrap([sum(group) / len(group) for group in by_document.values()]))
