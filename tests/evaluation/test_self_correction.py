"""What turns are worth, worked out by hand for ten problems in two bins."""

from __future__ import annotations

import random

import pytest

from stepwise.evaluation import Attempts, EvaluationError, self_correction

TEN = [
    Attempts((True,), "seen"),
    Attempts((True,), "seen"),
    Attempts((True, True), "seen"),
    Attempts((False, True), "seen"),
    Attempts((False, False, True), "seen"),
    Attempts((True, False), "seen"),
    Attempts((False,), "unseen"),
    Attempts((False, True, False), "unseen"),
    Attempts((False, True), "unseen"),
    Attempts((True, False, True), "unseen"),
]
"""First and last right: 1, 2, 3, 10. Saved: 4, 5, 9. Spoiled: 6. Never right at the ends: 7, 8."""


def test_ten_problems_by_hand() -> None:
    metrics = self_correction(TEN)
    assert {name: metrics[name] for name in ("direct", "contribution", "harm", "frequency")} == {
        "direct": 0.4,
        "contribution": 0.3,
        "harm": 0.1,
        "frequency": 0.7,
    }
    assert metrics["right_stays_right"] == pytest.approx(4 / 5)
    assert metrics["wrong_becomes_right"] == pytest.approx(3 / 5)
    assert metrics["turns"] == (1 + 1 + 2 + 2 + 3 + 2 + 1 + 3 + 2 + 3) / 10


def test_bins_are_shares_of_all_problems() -> None:
    metrics = self_correction(TEN)
    assert [metrics[f"{name}_seen"] for name in ("direct", "contribution", "harm", "frequency")] == [0.3, 0.2, 0.1, 0.4]
    assert [metrics[f"{name}_unseen"] for name in ("direct", "contribution", "harm", "frequency")] == [0.1, 0.1, 0, 0.3]


def test_the_parts_add_up() -> None:
    generator = random.Random(0)
    for _ in range(50):
        problems = [
            Attempts(tuple(generator.random() < 0.5 for _ in range(generator.randrange(1, 4))), generator.choice("abc"))
            for _ in range(generator.randrange(1, 30))
        ]
        metrics = self_correction(problems)
        count = len(problems)
        assert metrics["direct"] + metrics["contribution"] == pytest.approx(sum(p.last for p in problems) / count)
        assert metrics["direct"] + metrics["harm"] == pytest.approx(sum(p.first for p in problems) / count)
        for name in ("direct", "contribution", "harm", "frequency"):
            bins = [metrics[f"{name}_{group}"] for group in {problem.bin for problem in problems}]
            assert sum(bins) == pytest.approx(metrics[name])


def test_shares_have_intervals() -> None:
    metrics = self_correction(TEN)
    # Wilson's interval of 3 in 10 is that of Newcombe 1998
    assert (metrics["contribution_low"], metrics["contribution_high"]) == pytest.approx((0.1078, 0.6032), abs=1e-4)
    assert metrics["right_stays_right_low"] < 0.8 < metrics["right_stays_right_high"]


@pytest.mark.parametrize(
    ("first", "missing", "present"),
    [(True, "wrong_becomes_right", "right_stays_right"), (False, "right_stays_right", "wrong_becomes_right")],
)
def test_a_probability_without_its_condition_is_left_out(first: bool, missing: str, present: str) -> None:
    metrics = self_correction([Attempts((first, True)), Attempts((first, False))])
    assert not any(name.startswith(missing) for name in metrics)
    assert metrics[present] == 0.5


def test_no_problems_are_an_error() -> None:
    with pytest.raises(EvaluationError, match="no attempts"):
        self_correction([])
