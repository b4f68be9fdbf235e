"""Statistics of evaluations as pure functions: intervals, unbiased maj@k and pass@k, paired comparison."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution, for two-sided 95 % intervals."""


@dataclass(frozen=True)
class Interval:
    """An estimate with the ends of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Two evaluations of the same problems: `difference` is the second's accuracy minus the first's."""

    problems: int
    first: float
    second: float
    difference: float
    low: float
    high: float
    p_value: float
    only_first: int
    """Problems that only the first evaluation gets right."""
    only_second: int

    @property
    def better(self) -> bool:
        """Whether the second is significantly better, by both the interval and the test."""
        return self.low > 0 and self.p_value < 0.05


def wilson(correct: int, total: int, z: float = Z95) -> Interval:
    """Wilson's score interval of a proportion (Wilson 1927, eq. 9). Raises ValueError without trials."""
    if total <= 0 or not 0 <= correct <= total:
        raise ValueError(f"{correct} of {total} is not a proportion")
    share = correct / total
    scale = 1 + z * z / total
    centre = (share + z * z / (2 * total)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    low = 0.0 if correct == 0 else centre - half
    high = 1.0 if correct == total else centre + half
    return Interval(share, low, high)


def bootstrap(values: Sequence[float], *, draws: int = 2000, seed: int = 0) -> Interval:
    """The mean of the values with its percentile bootstrap interval. Raises ValueError without values."""
    if not values:
        raise ValueError("there are no values to average")
    numbers = np.asarray(values, dtype=float)
    resamples = np.random.default_rng(seed).integers(len(numbers), size=(draws, len(numbers)))
    low, high = np.quantile(numbers[resamples].mean(axis=1), [0.025, 0.975])
    return Interval(float(numbers.mean()), float(low), float(high))


def pass_at_k(n: int, correct: int, k: int) -> float:
    """Chance that k of n samples, drawn without replacement, include a correct one: 1 - C(n-c, k) / C(n, k)."""
    _check_subset(n, k)
    return 1.0 - math.comb(n - correct, k) / math.comb(n, k)


def maj_at_k(classes: Sequence[int | None], correct: Sequence[bool], k: int) -> float:
    """Expected correctness of the majority answer over all subsets of size k, exactly.

    Args:
        classes: each sample's answer as a class number; None is no answer and never wins.
        correct: whether each sample is right, as long as `classes`. A class with right and wrong samples counts by the
            share of right ones.
        k: size of the subsets, at most the number of samples.

    Ties are split evenly; a subset without any answer counts as wrong.
    """
    n = len(classes)
    _check_subset(n, k)
    by_class: dict[int, list[bool]] = defaultdict(list)
    for name, right in zip(classes, correct, strict=True):
        if name is not None:
            by_class[name].append(right)
    counts = [len(flags) for flags in by_class.values()]
    shares = [sum(flags) / len(flags) for flags in by_class.values()]
    unanswered = n - sum(counts)
    top = min(k, max(counts, default=0))
    total = sum(_won_with(votes, counts, shares, unanswered, k) for votes in range(1, top + 1))
    return total / math.comb(n, k)


def _won_with(votes: int, counts: list[int], shares: list[float], unanswered: int, k: int) -> float:
    """Correctness summed over the size-k subsets in which the winners have exactly `votes` votes.

    `ways[i, t]` counts the choices of i samples among the classes seen so far with t classes at the top and none above;
    `good[i, t]` sums the shares of the top classes over the same choices. Both start from the unanswered samples.
    """
    ways = np.zeros((k + 1, k // votes + 1))
    good = np.zeros_like(ways)
    ways[: min(unanswered, k) + 1, 0] = [math.comb(unanswered, i) for i in range(min(unanswered, k) + 1)]
    for count, share in zip(counts, shares, strict=True):
        new_ways, new_good = np.zeros_like(ways), np.zeros_like(good)
        for chosen in range(min(count, votes, k) + 1):
            choices = float(math.comb(count, chosen))
            if chosen < votes:
                new_ways[chosen:] += choices * ways[: k + 1 - chosen]
                new_good[chosen:] += choices * good[: k + 1 - chosen]
            else:
                old_ways, old_good = ways[: k + 1 - chosen, :-1], good[: k + 1 - chosen, :-1]
                new_ways[chosen:, 1:] += choices * old_ways
                new_good[chosen:, 1:] += choices * (old_good + share * old_ways)
        ways, good = new_ways, new_good
    winners = np.arange(1, ways.shape[1])
    return float((good[k, 1:] / winners).sum())


def _check_subset(n: int, k: int) -> None:
    if not 1 <= k <= n:
        raise ValueError(f"a subset of {k} cannot be drawn from {n} samples")


def mcnemar(only_first: int, only_second: int) -> float:
    """Two-sided exact McNemar p-value from the two discordant counts (binomial with p = 1/2)."""
    n = only_first + only_second
    tail = sum(math.comb(n, i) for i in range(min(only_first, only_second) + 1))
    return float(min(1.0, 2 * tail / 2**n))


def compare_paired(first: Sequence[bool], second: Sequence[bool], *, draws: int = 10_000, seed: int = 0) -> Comparison:
    """Compare two evaluations item by item: paired bootstrap (percentile, 95 %) and McNemar's exact test.

    An item's difference is -1, 0 or 1, so a resample of the items is a multinomial draw of three counts.
    """
    n = len(first)
    if n == 0 or n != len(second):
        raise ValueError(f"{n} and {len(second)} items cannot be paired")
    only_first = sum(a and not b for a, b in zip(first, second, strict=True))
    only_second = sum(b and not a for a, b in zip(first, second, strict=True))
    cells = np.array([only_first, n - only_first - only_second, only_second])
    resampled = np.random.default_rng(seed).multinomial(n, cells / n, size=draws)
    low, high = np.percentile((resampled[:, 2] - resampled[:, 0]) / n, [2.5, 97.5])
    return Comparison(
        problems=n,
        first=sum(first) / n,
        second=sum(second) / n,
        difference=(only_second - only_first) / n,
        low=float(low),
        high=float(high),
        p_value=mcnemar(only_first, only_second),
        only_first=only_first,
        only_second=only_second,
    )
