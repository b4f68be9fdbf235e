"""Edit distance of two texts, and an alignment of their offsets. Each table row is one numpy operation."""

from __future__ import annotations

import numpy as np


def distance(first: str, second: str) -> int:
    """Least number of inserted, deleted and replaced characters that turn one text into the other (Levenshtein)."""
    first, second, _ = _trimmed(first, second)
    row = np.arange(len(second) + 1)
    for number, char in enumerate(_codes(first)):
        row = _next_row(row, number, _codes(second) != char)
    return int(row[-1])


def align(first: str, second: str) -> list[int]:
    """For each offset in `first` (0 to its length) the matching offset in `second` under a shortest edit."""
    core, other, skipped = _trimmed(first, second)
    differs = _codes(core)[:, None] != _codes(other)[None, :]
    rows = [np.arange(len(other) + 1)]
    for number in range(len(core)):
        rows.append(_next_row(rows[-1], number, differs[number]))
    matches = [0] * (len(core) + 1)
    left, right = len(core), len(other)
    matches[left] = right
    while left:
        here = rows[left][right]
        if right and here == rows[left - 1][right - 1] + differs[left - 1, right - 1]:
            left, right = left - 1, right - 1
        elif here == rows[left - 1][right] + 1:
            left -= 1
        else:
            right -= 1
        matches[left] = right
    tail = len(first) - skipped - len(core)
    end = len(second) - tail
    return [*range(skipped), *(skipped + offset for offset in matches), *range(end + 1, end + 1 + tail)]


def _next_row(row: np.ndarray, number: int, differs: np.ndarray) -> np.ndarray:
    """The row after row `number` of the distance table."""
    columns = np.arange(len(row))
    best = np.empty_like(row)
    best[0] = number + 1
    np.minimum(row[:-1] + differs, row[1:] + 1, out=best[1:])
    return np.asarray(np.minimum.accumulate(best - columns) + columns)


def _trimmed(first: str, second: str) -> tuple[str, str, int]:
    """Both texts without their common beginning and end, and the length of the common beginning."""
    limit = min(len(first), len(second))
    front = next((offset for offset in range(limit) if first[offset] != second[offset]), limit)
    limit -= front
    back = next((offset for offset in range(limit) if first[-1 - offset] != second[-1 - offset]), limit)
    return first[front : len(first) - back], second[front : len(second) - back], front


def _codes(text: str) -> np.ndarray:
    return np.fromiter(map(ord, text), dtype=np.int64, count=len(text))
