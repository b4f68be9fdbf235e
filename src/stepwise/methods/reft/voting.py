"""One answer from several samples: majority, reranked, weighted by the reranker, and the upper bound (ReFT, table 4).

All are expectations over the size-k subsets of a problem's n stored samples, so that a whole curve k = 1, 2, 4 ... n
needs no new samples. Unlike the released code, an answer's class joins numbers within a tolerance (there, only equal
floats), intervals are bootstrapped over problems, and a vote can weigh each sample by the reranker's probability.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from stepwise.errors import StepwiseError
from stepwise.evaluation import cluster
from stepwise.records import Prediction, SampleScore
from stepwise.statistics import bootstrap, maj_at_k, pass_at_k

SUBSETS = 2000
"""A weighted vote counts all subsets up to this number; if there are more, it draws this many at random."""


class VotingError(StepwiseError, ValueError):
    """Samples that cannot be voted on; the message names the cause and the remedy."""


@dataclass(frozen=True)
class Ballot:
    """One problem's samples, in their order."""

    classes: tuple[int | None, ...]
    """Each sample's answer as a class number; None is no answer and never wins."""
    correct: tuple[bool, ...]
    scores: tuple[float, ...] = ()
    """The reranker's probability of each sample, or empty."""


@dataclass(frozen=True)
class Point:
    """One point of a curve: a share of problems with its 95 % interval."""

    k: int
    kind: str
    """`maj`, `rerank`, `weighted` or `pass`."""
    value: float
    low: float
    high: float


def ballots(samples: Sequence[Prediction], scores: Sequence[SampleScore] | None = None) -> list[Ballot]:
    """Samples grouped by problem. Raises VotingError if there are none, or if one has no score."""
    groups: dict[str, list[Prediction]] = defaultdict(list)
    for sample in samples:
        groups[sample.problem_id].append(sample)
    if not groups:
        raise VotingError("there are no samples to vote on; run the stage `reft_sample`")
    known = {(score.problem_id, score.sample): score.score for score in scores or ()}
    unscored = [sample for sample in samples if (sample.problem_id, sample.sample) not in known]
    if scores is not None and unscored:
        first = f"sample {unscored[0].sample} of {unscored[0].problem_id}"
        raise VotingError(
            f"{first} has no score ({len(unscored)} of {len(samples)} have none); give the scores that `reft_vote` "
            "computed for these samples"
        )
    return [
        Ballot(
            classes=tuple(cluster([sample.verdict.answer for sample in group])),
            correct=tuple(sample.verdict.correct for sample in group),
            scores=() if scores is None else tuple(known[sample.problem_id, sample.sample] for sample in group),
        )
        for group in groups.values()
    ]


def rerank_at_k(ballot: Ballot, k: int) -> float:
    """Exact probability that the best-scored answered sample of a size-k subset is right.

    With the answered samples in decreasing order of score (of equals the earlier first), number r = 0, 1 ... is chosen
    if it is in the subset and none before it is: C(n-1-r, k-1) / C(n, k). A subset without any answer counts as wrong.
    """
    n = len(ballot.classes)
    answered = [i for i in range(n) if ballot.classes[i] is not None]
    order = sorted(answered, key=lambda i: -ballot.scores[i])
    won = sum(math.comb(n - 1 - rank, k - 1) for rank, i in enumerate(order) if ballot.correct[i])
    return won / math.comb(n, k)


def weighted_at_k(ballot: Ballot, k: int, *, seed: int = 0) -> float:
    """Expected correctness of the answer with the largest sum of scores in a size-k subset.

    Exact for at most SUBSETS subsets, otherwise the mean over SUBSETS random ones. Ties are split evenly, a class with
    right and wrong samples counts by its share of right ones, and a subset without any answer counts as wrong.
    """
    n = len(ballot.classes)
    classes = sorted({number for number in ballot.classes if number is not None})
    if not classes:
        return 0.0
    chosen = _subsets(n, k, seed)
    member = np.array([[own == number for number in classes] for own in ballot.classes], dtype=float)
    shares = (np.array(ballot.correct, dtype=float) @ member) / member.sum(axis=0)
    present = chosen @ member > 0
    sums = np.where(present, chosen @ (np.array(ballot.scores)[:, None] * member), -np.inf)
    # Sums of the same scores in another order may differ in the last digit; a subset without answers has no winner.
    winners = present & (sums >= sums.max(axis=1, keepdims=True) - 1e-12)
    return float(((winners @ shares) / np.maximum(winners.sum(axis=1), 1)).mean())


def curves(voted: Sequence[Ballot], *, seed: int = 0) -> list[Point]:
    """All kinds of votes at k = 1, 2, 4 ... and n, the number of samples that every problem has."""
    n = min(len(ballot.classes) for ballot in voted)
    kinds: dict[str, Callable[[Ballot, int], float]] = {
        "maj": lambda ballot, k: maj_at_k(ballot.classes, ballot.correct, k),
        "rerank": rerank_at_k,
        "weighted": lambda ballot, k: weighted_at_k(ballot, k, seed=seed),
        "pass": lambda ballot, k: pass_at_k(len(ballot.correct), sum(ballot.correct), k),
    }
    if not all(ballot.scores for ballot in voted):
        del kinds["rerank"], kinds["weighted"]
    points = []
    for k in sizes(n):
        for kind, expected in kinds.items():
            mean = bootstrap([expected(ballot, k) for ballot in voted], seed=seed)
            points.append(Point(k, kind, mean.value, mean.low, mean.high))
    return points


def sizes(n: int) -> list[int]:
    """Powers of two below n, then n."""
    return [2**power for power in range(n.bit_length()) if 2**power < n] + [n]


def flat(points: Sequence[Point]) -> dict[str, float]:
    """The curves as flat metrics: `maj@4`, `maj@4_low`, `maj@4_high` and so on."""
    metrics: dict[str, float] = {}
    for point in points:
        name = f"{point.kind}@{point.k}"
        metrics |= {name: point.value, f"{name}_low": point.low, f"{name}_high": point.high}
    return metrics


def table(points: Sequence[Point]) -> str:
    """The curves as text in percent, with a line for each k and a column for each kind."""
    kinds = list(dict.fromkeys(point.kind for point in points))
    cells = {
        (point.k, point.kind): f"{100 * point.value:.1f} [{100 * point.low:.1f}, {100 * point.high:.1f}]"
        for point in points
    }
    lines = [f"{'k':>4}" + "".join(f"  {kind + '@k':<20}" for kind in kinds)]
    for k in dict.fromkeys(point.k for point in points):
        lines.append(f"{k:>4}" + "".join(f"  {cells[k, kind]:<20}" for kind in kinds))
    return "\n".join(line.rstrip() for line in lines)


def _subsets(n: int, k: int, seed: int) -> np.ndarray:
    """Size-k subsets of n as rows of zeros and ones (subsets, n): all, or SUBSETS of them at random."""
    if math.comb(n, k) <= SUBSETS:
        places = np.array(list(itertools.combinations(range(n), k)))
    else:
        places = np.random.default_rng([seed, k]).random((SUBSETS, n)).argsort(axis=1)[:, :k]
    chosen = np.zeros((len(places), n))
    np.put_along_axis(chosen, places, 1.0, axis=1)
    return chosen
