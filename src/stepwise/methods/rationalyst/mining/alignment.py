"""Edit distance of two texts, and where the places of one are in the other. Rows are computed whole, by numpy."""

from __future__ import annotations

import numpy as np


def distance(first: str, second: str) -> int:
    """Least number of inserted, deleted and replaced characters that make one text of the other (Levenshtein)."""
    first, second, _ = _trimmed(first, second)
    row = np.arange(len(second) + 1)
    for number, char in enumerate(_codes(first)):
        row = _next_row(row, number, _codes(second) != char)
    return int(row[-1])


def align(first: str, second: str) -> list[int]:
    """For each place in `first` (0 to its length) the place in `second` that a shortest edit leads it to."""
    core, other, skipped = _trimmed(first, second)
    differs = _codes(core)[:, None] != _codes(other)[None, :]
    rows = [np.arange(len(other) + 1)]
    for number in range(len(core)):
        rows.append(_next_row(rows[-1], number, differs[number]))
    found = [0] * (len(core) + 1)
    left, right = len(core), len(other)
    found[left] = right
    while left:
        here = rows[left][right]
        if right and here == rows[left - 1][right - 1] + differs[left - 1, right - 1]:
            left, right = left - 1, right - 1
        elif here == rows[left - 1][right] + 1:
            left -= 1
        else:
            right -= 1
        found[left] = right
    tail = len(first) - skipped - len(core)
    end = len(second) - tail
    return [*range(skipped), *(skipped + place for place in found), *range(end + 1, end + 1 + tail)]


def _next_row(row: np.ndarray, number: int, differs: np.ndarray) -> np.ndarray:
    """The next row of the table of distances, after row `number`."""
    columns = np.arange(len(row))
    best = np.empty_like(row)
    best[0] = number + 1
    np.minimum(row[:-1] + differs, row[1:] + 1, out=best[1:])
    return np.asarray(np.minimum.accumulate(best - columns) + columns)


def _trimmed(first: str, second: str) -> tuple[str, str, int]:
    """Both texts without what they share at the ends, and how much they share in front."""
    limit = min(len(first), len(second))
    front = next((place for place in range(limit) if first[place] != second[place]), limit)
    limit -= front
    back = next((place for place in range(limit) if first[-1 - place] != second[-1 - place]), limit)
    return first[front : len(first) - back], second[front : len(second) - back], front


def _codes(text: str) -> np.ndarray:
    return np.fromiter(map(ord, text), dtype=np.int64, count=len(text))
