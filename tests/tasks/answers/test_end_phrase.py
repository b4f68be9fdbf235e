"""RATIONALYST's extraction, rule by rule, faults included; expected values were worked out from the released rules."""

from __future__ import annotations

import pytest

from stepwise.tasks.answers import end_phrase
from stepwise.tasks.answers.numbers import ANSWER_TRIGGER


@pytest.mark.parametrize(
    ("statement", "number"),
    [
        ("18.", "18"),
        ("$1,200.50", "1200"),
        ("2 + 3 = 5", "5"),
        ("x = 3 = 4", "3"),
        ("-3", "-3"),
        ("70,000.", "70000"),
        ("10 - 3", "10"),
        ("1/2", "1"),
        ("12%", "12"),
        # The released code gives `no digits` itself here and an empty text twice; none of them is a number.
        ("no digits", None),
        (".5", None),
        (", 4 apples", None),
    ],
)
def test_numbers_are_cut_as_released(statement, number):
    assert end_phrase.number_of(statement) == number


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("So the answer is 5. No, the answer is 6.", " 5. No, "),
        ("The answer is 5\napples", " 5 apples"),
        ("The correct answer is B", " B"),
        ("Clearly the correct answer is indeed B", " B"),
        ("Clearly the correct answer is B", None),
        ("The answer is indeed B", " indeed B"),
        ("First The answer is 1, then the answer is 2", " 2"),
        ("Answer: B", None),
        ("", None),
    ],
)
def test_the_first_phrase_of_the_list_is_taken_where_it_first_occurs(text, expected):
    assert end_phrase.text_after_phrase(text) == expected


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        (f"Because.{ANSWER_TRIGGER}B", "B"),
        ("the answer is B", "B"),
        ("the answer is: B because", "B"),
        ("the answer is B.", None),
        ("the answer is (B)", None),
        ("the answer is b", None),
        ("the answer is F", None),
        ("the answer is bank", None),
    ],
)
def test_a_letter_has_to_stand_bare(text, letter):
    assert end_phrase.letter(text, "ABCDE") == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        (f"Because.{ANSWER_TRIGGER}J", "J"),
        ("The answer is (J). The answer is (A).", "J"),
        ("the answer is ((C))", "C"),
        ("the answer is C", "C"),
        ("the answer is Cobalt", None),
        ("Answer: C", None),
        ("no letter at all", None),
    ],
)
def test_a_letter_may_have_brackets_and_none_is_drawn_at_random(text, letter):
    assert end_phrase.bracketed_letter(text, "ABCDEFGHIJ") == letter
    assert end_phrase.bracketed_letter("the answer is (J)", "ABCD") is None
