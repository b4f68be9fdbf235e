"""Options of multiple-choice problems, and verdicts on completions that choose one."""

from __future__ import annotations

import pytest

from stepwise.records import Problem
from stepwise.tasks.answers.choices import choice_number, nearest_letter, read_choices
from stepwise.tasks.answers.numbers import ANSWER_TRIGGER
from stepwise.tasks.formats import choice_format

CHOICES = ("38", "27.675", "30", "data inadequate", "none of these")
PROBLEM = Problem(id="p", task="mathqa", split="test", question="how many ?", answer="c", choices=CHOICES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a ) 38 , b ) 27.675 , c ) 30 , d ) data inadequate , e ) none of these", CHOICES),
        (
            "['a ) 2 : 1', 'b ) 3 : 2', 'c ) 3 : 5', 'd ) 3 : 7', 'e ) none']",
            ("2 : 1", "3 : 2", "3 : 5", "3 : 7", "none"),
        ),
        ("a ) a ) 72 , b ) b ) 28 , c ) c ) 5 , d ) d ) 4 , e ) e ) 35", ("72", "28", "5", "4", "35")),
        ("a ) 1 , 2 , b ) 3 , c ) 4 , d ) 5 , e ) 6", ("1 , 2", "3", "4", "5", "6")),
        ("a ) 1 , b ) 2 , c ) 3 , d ) 4", None),
        ("a ) 1 , c ) 2 , b ) 3 , d ) 4 , e ) 5", None),
        ("", None),
    ],
)
def test_options_are_read_in_all_their_spellings(text, expected):
    assert read_choices(text) == expected


@pytest.mark.parametrize(
    ("choice", "number"),
    [
        ("870", 870.0),
        ("$ 18,000", 18000.0),
        ("rs . 1920", 1920.0),
        ("- 4", -4.0),
        ("5 / 12", 5 / 12),
        ("14 2 / 7 %", 14 + 2 / 7),
        ("28 cm 2", 28.0),
        ("3 : 4", 0.75),
        ("20 %", 20.0),
        ("4 and 5", None),
        ("1 : 2 : 3", None),
        ("4 π", None),
        ("2 ^ 5", None),
        ("6 : 0", None),
        ("none of these", None),
    ],
)
def test_the_number_of_an_option_is_one_number_or_none(choice, number):
    assert choice_number(choice) == (None if number is None else pytest.approx(number, rel=1e-12))


def test_the_nearest_option_is_chosen_within_one_percent():
    assert nearest_letter(30.29, CHOICES) == "c"  # 30 x 1.01 = 30.3
    assert nearest_letter(30.31, CHOICES) is None
    assert nearest_letter(29.0, CHOICES) is None
    assert nearest_letter(2.0, ("1", "2", "2.0", "3", "4")) == "b"
    assert nearest_letter(0.0, ("0", "1", "2", "3", "4")) == "a"
    assert nearest_letter(1.0, ("none", "can not be determined")) is None


@pytest.mark.parametrize(
    ("text", "strict", "robust"),
    [
        (f"30 it is{ANSWER_TRIGGER}c", "c", "c"),
        (f"30 it is{ANSWER_TRIGGER}'C' ", "c", "c"),
        (f"30 it is{ANSWER_TRIGGER}option c ) 30", None, "c"),
        (f"30 it is{ANSWER_TRIGGER}30", None, "c"),
        (f"so (a) is wrong{ANSWER_TRIGGER}b", "b", "b"),
        (f"so (a) is right{ANSWER_TRIGGER}none of that", None, None),
        ("so the answer is (c).", None, "c"),
        ("nothing to see, 30", None, None),
        ("", None, None),
    ],
)
def test_sentences_name_a_letter(text, strict, robust):
    (verdict,) = choice_format.check_many([(PROBLEM, text)], "n_cot")
    assert (verdict.strict_answer, verdict.answer) == (strict, robust)
    assert (verdict.strict_correct, verdict.correct) == (strict == "c", robust == "c")


@pytest.mark.parametrize(
    ("program", "strict", "robust"),
    [
        ("    return 'c'", "c", "c"),
        ("    result = 15 * 2\n    return result", None, "c"),
        ("    return 'c ) 30'", None, "c"),
        ("    return '38'", None, "a"),
        ("    return 31.0", None, None),
        ("    return True", None, None),
        ("    return 1 / 0", None, None),
        ("    return nothing", None, None),
        ("", None, None),
    ],
)
def test_a_program_says_a_letter_or_a_number_and_a_failed_one_nothing(program, strict, robust):
    (verdict,) = choice_format.check_many([(PROBLEM, program)], "p_cot")
    assert (verdict.strict_answer, verdict.answer) == (strict, robust)
    assert (verdict.strict_correct, verdict.correct) == (strict == "c", robust == "c")
