"""BLEU and rewards, by hand."""

from __future__ import annotations

import math

import pytest

from stepwise.methods.refiner.bleu import bleu, tokens
from stepwise.methods.refiner.rewards import likeness, score
from tests.methods.refiner.digits import DigitDomain, problem

GOLD = "add(n0,n1)"


def test_tokens_are_words_and_single_other_characters() -> None:
    assert tokens("Add(n0, #1)|'x'") == ["add", "(", "n0", ",", "#", "1", ")", "|", "`", "x", "`"]


def test_equal_texts_have_a_bleu_of_one_however_they_are_spaced() -> None:
    assert bleu([(GOLD, "ADD( n0 , n1 )")]) == pytest.approx(1.0)


def test_bleu_by_hand() -> None:
    # add ( n0 , n2 ): 5 of 6 words, 3 of 5 pairs, 2 of 4 triples, 1 of 3 quadruples
    assert bleu([(GOLD, "add(n0,n2)")]) == pytest.approx((5 / 6 * 3 / 5 * 2 / 4 * 1 / 3) ** 0.25)


def test_short_texts_are_penalised_and_long_ones_by_precision() -> None:
    # add ( n0 , n1 without its bracket: all n-grams match, 5 words for 6
    assert bleu([(GOLD, "add(n0,n1")]) == pytest.approx(math.exp(1 - 6 / 5))
    assert bleu([(GOLD, GOLD + "|")]) == pytest.approx((6 / 7 * 5 / 6 * 4 / 5 * 3 / 4) ** 0.25)


def test_nothing_in_common_is_zero() -> None:
    assert bleu([(GOLD, "divide")]) == bleu([(GOLD, "")]) == bleu([("3 5", "3 5")]) == 0.0


def test_a_corpus_adds_up_its_counts() -> None:
    pairs = [(GOLD, GOLD), (GOLD, "add(n0,n2)")]
    assert bleu(pairs) == pytest.approx((11 / 12 * 8 / 10 * 6 / 8 * 4 / 6) ** 0.25)


def test_rewards() -> None:
    domain = DigitDomain()
    long = problem(1, 2).model_copy(update={"reference": problem(1, 2).reference.model_copy(update={"text": GOLD})})
    assert score(domain, long, "add(n0,n2)", "bleu") == bleu([(GOLD, "add(n0,n2)")])
    assert [score(domain, problem(1, 2), text, "exact") for text in ("1 2", "1 3")] == [1.0, 0.0]
    problems = {item.id: item for item in (problem(1, 2), problem(3, 4))}
    reward = likeness(domain, problems, "exact")
    assert reward(["train-34", "train-12", "train-34"], ["3 4", "3 4", "1 2"]) == [1.0, 0.0, 0.0]
