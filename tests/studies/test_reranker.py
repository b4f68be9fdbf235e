"""What samples consist of, and how well scores tell them apart, by hand."""

from __future__ import annotations

import pytest

from stepwise.methods.reft.voting import ballots
from stepwise.records import Prediction, SampleScore, Verdict
from studies.reranker import auc, bounds, composition, discrimination, votes

ROWS = (
    ("p", "right", "4", True, 0.9),
    ("p", "wrong", "5", False, 0.6),
    ("p", "broken", None, False, 0.1),
    ("p", "right", "4", True, 0.9),
    ("q", "right", "7", True, 0.5),
    ("q", "wrong", "8", False, 0.7),
    ("q", "wrong too", "8", False, 0.2),
    ("q", "broken", None, False, 0.1),
)
SAMPLES = [
    Prediction(problem_id=name, sample=place, text=text, verdict=Verdict(answer=answer, correct=right))
    for place, (name, text, answer, right, _) in enumerate(ROWS)
]
SCORES = [SampleScore(problem_id=row[0], sample=place, score=row[-1]) for place, row in enumerate(ROWS)]


def test_a_composition_counts_different_texts_and_contested_questions():
    counts = composition(SAMPLES)
    assert counts == {
        "questions": 2,
        "texts": 7,
        "right": 2,
        "wrong_answered": 3,
        "without_answer": 2,
        "contested_questions": 2,
    }
    assert composition(SAMPLES[4:5])["contested_questions"] == 0


def test_auc_is_the_share_of_pairs_in_order_with_ties_as_halves():
    assert auc([0.9, 0.5], [0.6, 0.5]) == pytest.approx((2 + 0.5) / 4)


def test_discrimination_of_all_of_answered_and_within_a_question():
    areas = discrimination(SAMPLES, SCORES)
    # right 0.9 and 0.5; wrong answers 0.6, 0.7 and 0.2; broken 0.1 twice
    assert areas["auc_answered"] == pytest.approx((3 + 1) / 6)
    assert areas["auc"] == pytest.approx((5 + 3) / 10)
    assert areas["auc_within"] == pytest.approx((1.0 + 0.5) / 2)


def test_votes_and_what_bounds_them():
    voted = ballots(SAMPLES, SCORES)
    results, around = votes(voted), bounds(voted)
    # p: the majority 4 is right; q: the majority 8 is wrong, its best score as well, and the sum 0.9 against 0.5
    assert around["maj"]["value"] == around["pass"]["value"] - 0.5 == 0.5
    assert around["single"]["value"] == pytest.approx((2 / 4 + 1 / 4) / 2)
    assert around["answered"]["value"] == pytest.approx((2 / 3 + 1 / 3) / 2)
    assert results["rerank"]["value"] == results["weighted"]["value"] == 0.5
    assert results["rerank_over_maj"]["value"] == 0.0
