"""Answers are read robustly, as a human reader would, and strictly, as the papers do, and compared sensibly."""

from __future__ import annotations

import math
import time

import pytest

from stepwise.tasks.answers.numbers import (
    equal_numbers,
    letter,
    number_text,
    plain_number,
    robust_number,
    strict_equal,
    strict_letter,
    strict_number,
    strict_statement,
    strict_words,
    word_list,
)

ROBUST = {
    "18": 18,
    "18.": 18,
    "$18": 18,
    "$ 18.50": 18.5,
    "18 dollars": 18,
    "1,000": 1000,
    "1,234,567.5 km": 1234567.5,
    "-5": -5,
    "−5": -5,
    "- 5": -5,
    "-$5": -5,
    "$-5": -5,
    "50%": 50,
    "50 %": 50,
    "3/4": 0.75,
    "-3/4": -0.75,
    "1 1/2": 1.5,
    "1½": 1.5,
    "½": 0.5,
    "1e3": 1000,
    "1.5 x 10^3": 1500,
    "1.5 × 10**3": 1500,
    "2 \\times 10^{-2}": 0.02,
    "\\frac{3}{4}": 0.75,
    "\\boxed{42}": 42,
    "\\boxed{\\frac{1}{2}} metres": 0.5,
    "so \\boxed{1{,}000} it is, not 7": 1000,
    "The answer is 18.": 18,
    "The answer is: $1,200.00.": 1200,
    "the answer is 5 apples and not 7": 5,
    "Answer: 12": 12,
    "**Answer:** 12": 12,
    "#### 72": 72,
    "3 + 4 = 7": 7,
    "the answer is 3 + 4 = 7": 7,
    "Therefore, the answer is <208>.": 208,
    "He has 5 left.\nTherefore, the answer is: 5": 5,
    "first the answer is 3. No, the answer is 4.": 4,
    "It costs 4 dollars; the answer is unclear": 4,
    "x = .5": 0.5,
    "t2 is 7": 7,
    "answer is 12:30": 12,
    "{x: 5}": 5,
    "[5]": 5,
    "１２": 12,
    "the answer is 2-1=1": 1,
    "10-4": 4,
    "the answer is 18 = 3 * 6": 18,
    "the answer is $5 (as x = 3).": 5,
    "the answer is 5 * (3 + 4) = 35": 35,
}


@pytest.mark.parametrize(("text", "value"), ROBUST.items())
def test_robust_number(text, value):
    assert robust_number(text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "no number", "nan", "inf", "-infinity", "1/0", "abc3d", "9" * 400, "1e999"])
def test_no_number(text):
    assert robust_number(text) is None


def test_strict_number_is_floats_reading_of_what_follows_the_last_trigger():
    trigger = "\nTherefore, the answer is: "
    assert strict_number(f"5 + 5 = 10{trigger}10") == 10
    assert strict_number(f"a{trigger}1{trigger}2 ") == 2
    assert strict_number(f"a{trigger}18.") == 18
    for refused in ("1,000", "$18", "18 dollars", "50%", "nan", "inf", "3/4", ""):
        assert strict_number(f"a{trigger}{refused}") is None
    assert strict_number("no trigger 5") is None
    assert strict_number("5") == 5


def test_strict_statements_of_tripost():
    assert strict_statement("(1) 3+4=7.\n(2) The final result: the answer is 7.") == 7
    assert strict_statement("so the answer is -12.") == -12
    assert strict_statement("the answer is 7.\nthat is all") is None
    assert strict_statement("the answer is 7. the answer is 8.") is None
    assert strict_statement("") is None
    assert strict_letter("So the answer is (b).") == "B"
    assert strict_letter("So the answer is b.") is None
    assert strict_words("So the answer is: ant bee cat.") == ["ant", "bee", "cat"]
    assert strict_words("ant bee cat") is None


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("The answer is (B).", "B"),
        ("the answer is b", "B"),
        ("Answer: C) 12 km", "C"),
        ("so option d", "D"),
        ("(A) is wrong, (C) is right", "C"),
        ("E", "E"),
        ("B)", "B"),
        ("b.", "B"),
        ("the answer is 'c'", "C"),
        ("the answer is not known", None),
        ("the answer is a mammal", None),
        ("the answer is A because it is", "A"),
        ("the answer is option (c)", "C"),
        ("a dog", None),
        ("", None),
    ],
)
def test_letter(text, chosen):
    assert letter(text) == chosen


def test_word_list():
    assert word_list("The sorted words: so the answer is: Ant, bee; 'cat'.") == ["ant", "bee", "cat"]
    assert word_list("thinking about zebras\nant bee cat") == ["ant", "bee", "cat"]
    assert word_list("the answer is [ant, bee]\nmore") == ["ant", "bee"]
    assert word_list("") == []


def test_rounding_to_two_decimals_passes_and_a_wrong_small_number_does_not():
    for gold in (1 / 3, 2 / 3, 3.14159, 0.25, 12.345, 869.6666, -1 / 3):
        assert equal_numbers(round(gold, 2), gold)
    assert not equal_numbers(0.03, 0.036)
    assert strict_equal(0.03, 0.036), "the papers' tolerance does not see the difference"
    assert not equal_numbers(0.0, 0.004)
    assert not equal_numbers(0.34, 1 / 3 - 0.01)


def test_whole_numbers_have_to_be_met_whatever_their_size():
    assert equal_numbers(7.0, 7)
    assert equal_numbers(1e6 / 3 * 3, 1e6)
    assert not equal_numbers(12346, 12345)
    assert not equal_numbers(1_000_001, 1_000_000)
    assert equal_numbers(98765.43, 98765.432)
    assert equal_numbers(1234568, 1234567.89), "a large fractional number may be rounded"
    assert not strict_equal(1234568, 1234567.89)
    assert equal_numbers(0.0, 0)
    assert not equal_numbers(0.001, 0)


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5.0), (" 5\n", 5.0), ("-.5", -0.5), ("1e3", 1000.0), ("1_000", 1000.0), ("\u0663", 3.0), ("-0", 0.0)],
)
def test_a_bare_number_is_read_as_float_reads_it(text, number):
    assert plain_number(text) == number == float(text)


@pytest.mark.parametrize(
    "text", ["", ",", "1,000", "1 000", "$5", "5%", "B", "nan", "inf", "-Infinity", "1e999", "0x10"]
)
def test_anything_else_is_not_a_bare_number(text):
    assert plain_number(text) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None])
def test_what_is_no_number_equals_nothing(value):
    assert not equal_numbers(value, 1.0)
    assert not strict_equal(value, 1.0)
    if value is not None:
        assert not equal_numbers(1.0, value)


def test_equal_numbers_have_one_text():
    assert number_text(208.0) == number_text(208) == "208"
    assert number_text(-3.0) == "-3"
    assert number_text(0.1 + 0.2) == "0.30000000000000004"
    assert robust_number(number_text(1e300)) == 1e300
    assert number_text(-0.0) == "0"


@pytest.mark.parametrize(
    "part",
    [
        "1",
        "1,",
        "1/",
        "(",
        "\\boxed{",
        "answer is ",
        "the answer is: ",
        "1 ",
        "\\frac{",
        "=",
        "-",
        "$",
        "1e",
        "<5",
        "a)",
    ],
)
def test_long_and_hostile_texts_are_read_quickly(part):
    text = part * (100_000 // len(part))
    start = time.perf_counter()
    for read in (robust_number, letter, word_list, strict_number, strict_statement, strict_letter, strict_words):
        read(text)
    assert time.perf_counter() - start < 2
