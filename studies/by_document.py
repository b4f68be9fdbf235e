"""Means of numbers that stand in documents: notes of one document are alike, so the interval is over documents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

from stepwise.statistics import bootstrap


def mean(values: Iterable[tuple[str, float]]) -> dict[str, float]:
    """The mean over documents of each document's mean, with its 95 % bootstrap interval; pairs of document, value.

    Raises ValueError without values.
    """
    several: dict[str, list[float]] = {}
    for document, value in values:
        several.setdefault(document, []).append(value)
    return asdict(bootstrap([sum(found) / len(found) for found in several.values()]))
