from __future__ import annotations

from stepwise.ngrams import ngrams, words


def test_words_are_compared_without_case_punctuation_and_unicode_form() -> None:
    assert words("The ﬁrst, THE last!") == ("the", "first", "the", "last")


def test_a_number_is_a_word() -> None:
    assert words("1,000.5 apples, 3.") == ("1,000.5", "apples", "3")


def test_ngrams_are_all_runs_in_order() -> None:
    assert list(ngrams(["a", "b", "c"], 2)) == [("a", "b"), ("b", "c")]
    assert list(ngrams(("a", "b"), 2)) == [("a", "b")]
    assert list(ngrams(["a"], 2)) == []
