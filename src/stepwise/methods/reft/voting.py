"""Several samples a problem, one answer: majority, reranked, weighted by the reranker, and the bound (ReFT, table 4).

All are expectations over the size-k subsets of a problem's n stored samples, so that a whole curve k = 1, 2, 4 ... n
costs no new sample. Beside the released code: an answer's class joins numbers within tolerance (there, equal floats
only), intervals are bootstrapped over problems, and a vote can weigh each sample by the reranker's probability.
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
"""Up to so many subsets are all counted in a weighted vote; of more, so many are drawn."""


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
    """Samples by problem. Raises VotingError when there are none, or one has no score."""
    groups: dict[str, list[Prediction]] = defaultdict(list)
    for one in samples:
        groups[one.problem_id].append(one)
    if not groups:
        raise VotingError("there are no samples to vote on; run the stage `reft_sample`")
    known = {(one.problem_id, one.sample): one.score for one in scores or ()}
    missing = [one for one in samples if (one.problem_id, one.sample) not in known] if scores is not None else []
    if missing:
        first = f"sample {missing[0].sample} of {missing[0].problem_id}"
        raise VotingError(
            f"{first} has no score ({len(missing)} of {len(samples)} have none); give the scores that `reft_vote` made "
            "of these samples"
        )
    return [
        Ballot(
            classes=tuple(cluster([one.verdict.answer for one in group])),
            correct=tuple(one.verdict.correct for one in group),
            scores=tuple(known[one.problem_id, one.sample] for one in group) if scores is not None else (),
        )
        for group in groups.values()
    ]


def rerank_at_k(ballot: Ballot, k: int) -> float:
    """Chance that the best-scored answered sample of a size-k subset is right, exactly.

    With the answered samples in falling order of score (the first of equals first), number r = 0, 1 ... is chosen when
    it is in the subset and none before it is: C(n-1-r, k-1) / C(n, k). A subset without any answer counts as wrong.
    """
    n = len(ballot.classes)
    answered = [i for i in range(n) if ballot.classes[i] is not None]
    order = sorted(answered, key=lambda i: -ballot.scores[i])
    won = sum(math.comb(n - 1 - rank, k - 1) for rank, i in enumerate(order) if ballot.correct[i])
    return won / math.comb(n, k)


def weighted_at_k(ballot: Ballot, k: int, *, seed: int = 0) -> float:
    """Expected correctness of the answer with the largest sum of scores in a size-k subset.

    Exact where there are at most SUBSETS subsets, else the mean over SUBSETS drawn ones. Ties are split evenly, a class
    with right and wrong samples counts by its share, a subset without any answer counts as wrong.
    """
    n = len(ballot.classes)
    names = sorted({name for name in ballot.classes if name is not None})
    if not names:
        return 0.0
    chosen = _subsets(n, k, seed)
    member = np.array([[name == one for name in names] for one in ballot.classes], dtype=float)
    shares = (np.array(ballot.correct, dtype=float) @ member) / member.sum(axis=0)
    present = chosen @ member > 0
    sums = np.where(present, chosen @ (np.array(ballot.scores)[:, None] * member), -np.inf)
    # Sums of the same scores in another order may differ in the last digit; an empty subset has no winner.
    winners = present & (sums >= sums.max(axis=1, keepdims=True) - 1e-12)
    return float(((winners @ shares) / np.maximum(winners.sum(axis=1), 1)).mean())


def curves(voted: Sequence[Ballot], *, seed: int = 0) -> list[Point]:
    """All kinds of votes at k = 1, 2, 4 ... and n, the samples that every problem has."""
    n = min(len(one.classes) for one in voted)
    kinds: dict[str, Callable[[Ballot, int], float]] = {
        "maj": lambda one, k: maj_at_k(one.classes, one.correct, k),
        "rerank": rerank_at_k,
        "weighted": lambda one, k: weighted_at_k(one, k, seed=seed),
        "pass": lambda one, k: pass_at_k(len(one.correct), sum(one.correct), k),
    }
    if not all(one.scores for one in voted):
        del kinds["rerank"], kinds["weighted"]
    points = []
    for k in sizes(n):
        for kind, expected in kinds.items():
            found = bootstrap([expected(one, k) for one in voted], seed=seed)
            points.append(Point(k, kind, found.value, found.low, found.high))
    return points


def sizes(n: int) -> list[int]:
    """Powers of two below n, then n."""
    return [2**power for power in range(n.bit_length()) if 2**power < n] + [n]


def flat(points: Sequence[Point]) -> dict[str, float]:
    """The curves as flat metrics: `maj@4`, `maj@4_low`, `maj@4_high` and so on."""
    found: dict[str, float] = {}
    for one in points:
        name = f"{one.kind}@{one.k}"
        found |= {name: one.value, f"{name}_low": one.low, f"{name}_high": one.high}
    return found


def table(points: Sequence[Point]) -> str:
    """The curves as text in percent, a line a k and a column a kind."""
    kinds = list(dict.fromkeys(one.kind for one in points))
    cells = {(one.k, one.kind): f"{100 * one.value:.1f} [{100 * one.low:.1f}, {100 * one.high:.1f}]" for one in points}
    lines = [f"{'k':>4}" + "".join(f"  {kind + '@k':<20}" for kind in kinds)]
    for k in dict.fromkeys(one.k for one in points):
        lines.append(f"{k:>4}" + "".join(f"  {cells[k, kind]:<20}" for kind in kinds))
    return "\n".join(line.rstrip() for line in lines)


def _subsets(n: int, k: int, seed: int) -> np.ndarray:
    """Size-k subsets of n as rows of zeros and ones [subsets, n]: all, or SUBSETS of them at random."""
    if math.comb(n, k) <= SUBSETS:
        places = np.array(list(itertools.combinations(range(n), k)))
    else:
        places = np.random.default_rng([seed, k]).random((SUBSETS, n)).argsort(axis=1)[:, :k]
    chosen = np.zeros((len(places), n))
    np.put_along_axis(chosen, places, 1.0, axis=1)
    return chosen
