import itertools
import math
import random
from collections import Counter

import pytest

from stepwise.statistics import compare_paired, maj_at_k, mcnemar, pass_at_k, wilson


def by_enumeration(classes, correct, k):
    """maj@k the long way: every subset, ties split evenly."""
    total = 0.0
    subsets = list(itertools.combinations(range(len(classes)), k))
    for subset in subsets:
        votes = Counter(classes[i] for i in subset if classes[i] is not None)
        top = [name for name, count in votes.items() if count == max(votes.values())]
        for name in top:
            members = [correct[i] for i in range(len(classes)) if classes[i] == name]
            total += sum(members) / len(members) / len(top)
    return total / len(subsets)


def test_wilson_by_hand():
    # 8 of 10, z = 1.96: centre (0.8 + 0.19208) / 1.38416, half 1.96 sqrt(0.016 + 0.009604) / 1.38416
    interval = wilson(8, 10, z=1.96)
    assert interval.value == 0.8
    assert interval.low == pytest.approx(0.716738 - 0.226579, abs=1e-5)
    assert interval.high == pytest.approx(0.716738 + 0.226579, abs=1e-5)


def test_wilson_at_the_ends():
    none, all_of_them = wilson(0, 10), wilson(10, 10)
    assert (none.value, none.low) == (0.0, 0.0)
    assert none.high == pytest.approx(0.2775, abs=1e-4)
    assert (all_of_them.low, all_of_them.high) == (pytest.approx(0.7225, abs=1e-4), 1.0)
    with pytest.raises(ValueError, match="0 of 0"):
        wilson(0, 0)


def test_pass_at_k_by_hand():
    assert pass_at_k(4, 1, 1) == 0.25
    assert pass_at_k(4, 1, 2) == 0.5
    assert pass_at_k(4, 2, 2) == pytest.approx(5 / 6)  # of 6 pairs only one has no correct sample
    assert pass_at_k(4, 0, 4) == 0.0
    assert pass_at_k(4, 1, 4) == 1.0
    with pytest.raises(ValueError, match="subset of 5"):
        pass_at_k(4, 1, 5)


def test_maj_at_k_by_hand():
    # answers 7 7 3 -, with 7 right. Pairs: 77 wins, 73 twice a tie, 7- twice wins, 3- wrong: (1 + 2/2 + 2 + 0) / 6
    classes, correct = [0, 0, 1, None], [True, True, False, False]
    assert maj_at_k(classes, correct, 1) == 0.5
    assert maj_at_k(classes, correct, 2) == pytest.approx(4 / 6)
    # triples: 773 wins, 77- wins, 73- tie twice
    assert maj_at_k(classes, correct, 3) == pytest.approx(3 / 4)
    assert maj_at_k(classes, correct, 4) == 1.0


def test_none_never_wins():
    assert maj_at_k([None, None, None, 0], [False, False, False, True], 4) == 1.0
    assert maj_at_k([None, None], [False, False], 2) == 0.0


def test_maj_at_k_equals_enumeration():
    rng = random.Random(3)
    for _ in range(60):
        n = rng.randint(1, 9)
        classes = [rng.choice([None, 0, 1, 2, 3]) for _ in range(n)]
        correct = [name == 0 or (name == 1 and rng.random() < 0.5) for name in classes]
        for k in range(1, n + 1):
            assert maj_at_k(classes, correct, k) == pytest.approx(by_enumeration(classes, correct, k))


def test_maj_at_k_of_a_hundred_samples_is_exact_and_ordered():
    classes = [0] * 60 + [1] * 30 + list(range(2, 12))
    correct = [True] * 60 + [False] * 40
    assert maj_at_k(classes, correct, 1) == pytest.approx(0.6)
    values = [maj_at_k(classes, correct, k) for k in (1, 5, 20, 100)]
    assert values == sorted(values)
    assert values[-1] == 1.0


def test_mcnemar_by_hand():
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(5, 5) == 1.0
    assert mcnemar(1, 5) == pytest.approx(2 * (1 + 6) / 64)
    assert mcnemar(0, 6) == pytest.approx(2 / 64)
    assert mcnemar(6, 0) == mcnemar(0, 6)
    assert math.isfinite(mcnemar(900, 1000))


def test_paired_comparison_by_hand():
    first = [True] * 50 + [False] * 50
    second = [True] * 45 + [False] * 5 + [True] * 20 + [False] * 30
    result = compare_paired(first, second)
    assert (result.problems, result.only_first, result.only_second) == (100, 5, 20)
    assert result.difference == pytest.approx(0.15)
    assert (result.first, result.second) == (0.5, 0.65)
    # the mean difference has the standard error sqrt((0.25 - 0.15^2) / 100) = 0.0477
    assert result.low == pytest.approx(0.15 - 1.96 * 0.0477, abs=0.011)
    assert result.high == pytest.approx(0.15 + 1.96 * 0.0477, abs=0.011)
    assert result.better
    assert compare_paired(first, second) == result


def test_bootstrap_by_multinomial_equals_bootstrap_by_items():
    import numpy as np

    rng = np.random.default_rng(0)
    first, second = rng.random(200) < 0.5, rng.random(200) < 0.55
    result = compare_paired(first.tolist(), second.tolist())
    picks = rng.integers(0, 200, size=(10_000, 200))
    means = (second.astype(int) - first.astype(int))[picks].mean(axis=1)
    assert result.low == pytest.approx(np.percentile(means, 2.5), abs=0.011)
    assert result.high == pytest.approx(np.percentile(means, 97.5), abs=0.011)


def test_a_handful_of_lucky_items_is_not_better():
    # four discordant items all one way: the percentile interval excludes zero, the exact test does not
    result = compare_paired([False] * 100, [True] * 4 + [False] * 96)
    assert result.low > 0
    assert result.p_value == 0.125
    assert not result.better


def test_identical_evaluations_do_not_differ():
    result = compare_paired([True, False], [True, False])
    assert (result.low, result.high, result.p_value, result.better) == (0.0, 0.0, 1.0, False)
    with pytest.raises(ValueError, match="paired"):
        compare_paired([True], [])
