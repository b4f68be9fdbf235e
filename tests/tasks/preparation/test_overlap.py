"""Overlap finds the test questions that also occur in training."""

from __future__ import annotations

import pytest

from stepwise.records import Problem
from stepwise.tasks.preparation.overlap import Overlap, find_overlap

LONG = "a train leaves the station at noon and travels two hundred miles before it stops for the night"


def problems(*questions: str, split: str = "train") -> list[Problem]:
    return [Problem(id=f"{split}{i}", task="t", split=split, question=q, answer="1") for i, q in enumerate(questions)]


def test_equal_but_for_case_spacing_and_punctuation():
    overlap = find_overlap(
        problems("x", "Ann has 5 apples.  How many?"), problems("ann HAS 5 apples - how many", "y", split="test")
    )
    assert overlap == Overlap(exact=1, ngram=0, examples=(("test0", "train1"),))


def test_other_numbers_are_another_question():
    assert find_overlap(problems("Ann has 5 apples."), problems("Ann has 6 apples.", split="test")) == Overlap(0, 0)


def test_shared_ngrams_count_in_one_question_only():
    changed = LONG.replace("a train", "one train")
    assert find_overlap(problems(LONG), problems(changed, split="test")).ngram == 1
    first, second = " ".join(LONG.split()[:10]), " ".join(LONG.split()[8:])
    assert find_overlap(problems(first, second), problems(LONG, split="test")).ngram == 0


def test_the_threshold_is_a_share_of_the_test_questions_ngrams():
    half = " ".join(LONG.split()[:12]) + " and then something else happens that nobody has seen before"
    test = problems(half, split="test")
    assert find_overlap(problems(LONG), test, threshold=0.25).ngram == 1
    assert find_overlap(problems(LONG), test, threshold=0.5).ngram == 0


def test_short_questions_overlap_exactly_or_not_at_all():
    assert find_overlap(problems("how many now"), problems("how many then", split="test")) == Overlap(0, 0)
    assert find_overlap([], problems("a", split="test")) == find_overlap(problems("a"), []) == Overlap(0, 0)


@pytest.mark.parametrize("bad", [{"n": 0}, {"threshold": 0.0}, {"threshold": 1.5}])
def test_bad_arguments(bad):
    with pytest.raises(ValueError, match="threshold in"):
        find_overlap([], [], **bad)
