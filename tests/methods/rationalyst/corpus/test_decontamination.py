from pathlib import Path

import numpy as np

from stepwise.methods.rationalyst.corpus.decontamination import index_tests

QUESTION = "Tom has three red apples and buys four more pears at the market on a rainy Monday."
"""17 words."""


def test_sizes_differ_in_what_they_find() -> None:
    index = index_tests([QUESTION], [13, 8])
    words = QUESTION.split()
    assert index.overlaps("We said: " + QUESTION.upper()) == (13, 8)
    assert index.overlaps(" ".join(words[2:14]) + " and then it ended") == (8,)
    assert index.overlaps(" ".join(words[2:9]) + " but nothing else of it is here at all") == ()


def test_a_text_of_exactly_n_shared_words_is_found() -> None:
    words = QUESTION.split()
    assert index_tests([QUESTION], [13]).overlaps("So " + " ".join(words[1:14]) + " so") == (13,)
    assert index_tests([QUESTION], [13]).overlaps("So " + " ".join(words[1:13]) + " so") == ()


def test_a_short_question_is_found_whole_and_a_very_short_one_never() -> None:
    index = index_tests(["Why is the sky blue?", "Who is he?"], [13, 8])
    assert index.overlaps("People ask: why is the sky blue, and why not?") == (13, 8)
    assert index.overlaps("why is the sky green") == ()
    assert index.overlaps("who is he") == ()


def test_numbers_are_words() -> None:
    index = index_tests(["Add 1.5 and 2 to get the sum of both numbers here"], [8])
    assert index.overlaps("add 1.5 and 2 to get the sum of both") == (8,)
    assert index.overlaps("add 1.7 and 3 to get the sum of both") == ()


def test_the_index_survives_its_file(tmp_path: Path) -> None:
    index = index_tests([QUESTION, "Why is the sky blue?"], [13, 8])
    index.save(tmp_path / "index.npz")
    loaded = type(index).load(tmp_path / "index.npz")
    assert list(loaded.grams) == [13, 8]
    for size, lengths in index.grams.items():
        for length, known in lengths.items():
            assert np.array_equal(loaded.grams[size][length], known)


def test_without_tests_nothing_overlaps() -> None:
    assert index_tests([], [13, 8]).overlaps(QUESTION) == ()
