from fractions import Fraction

import pytest

from stepwise.records import Problem
from stepwise.tasks.formats import formula_format
from stepwise.tasks.formats.formulas import (
    FormulaError,
    Operation,
    evaluate_formula,
    numbers_of,
    parse_formula,
    render_formula,
)


def test_hand_worked():
    operations = parse_formula("multiply(n0,n1)|add(#0, n2) | divide(#1,4)")
    assert operations == (
        Operation("multiply", "n0", "n1"),
        Operation("add", "#0", "n2"),
        Operation("divide", "#1", "4"),
    )
    assert render_formula(operations) == "multiply(n0,n1)|add(#0,n2)|divide(#1,4)"
    assert evaluate_formula(operations, ["6", "7", "3"]) == Fraction(45, 4)
    assert evaluate_formula(parse_formula("subtract(n1,0.5)"), ["1", "2"]) == Fraction(3, 2)


@pytest.mark.parametrize(
    "text",
    ["", "17", "power(n0,n1)", "add(n0)", "add(n0,n1", "add(n0,n1)|", "add(m0,n1)", "add(n0,-1)", "add(add(n0,n1),n2)",
     "add(n0,n99999)", "add(n0,1" + "0" * 5000 + ")", "add(n٣,n1)"],
)  # fmt: skip
def test_other_text_is_no_formula(text):
    with pytest.raises(FormulaError):
        parse_formula(text)


@pytest.mark.parametrize("text", ["add(n0,n2)", "add(#0,n1)", "divide(n0,0)", "subtract(n0,n0)|divide(n0,#0)"])
def test_formula_without_a_value(text):
    with pytest.raises(FormulaError):
        evaluate_formula(parse_formula(text), ["1", "2"])


def test_long_powers_do_not_hang():
    text = "multiply(n0,n0)|" + "|".join(f"multiply(#{i},#{i})" for i in range(40))
    problem = Problem(id="a", task="word_problems", split="test", question="There are 99 apples.", answer="99")
    assert not formula_format.check_many([(problem, text)])[0].correct


def test_numbers_in_order_of_appearance():
    assert numbers_of("Ann has 12 red, 3.5 blue and 12 green pens; room B7.") == ["12", "3.5", "12"]


@pytest.mark.parametrize(
    ("question", "numbers"),
    [
        ("How many 2d nails, mp3 files and 2nd places are in 12.5x?", []),
        ("It fell from -3 to -4.5 degrees.", ["-3", "-4.5"]),
        ("For ages 4-5, pay $2.50. Or $3, 10%.", ["4", "5", "2.50", "3", "10"]),
    ],
)
def test_digits_in_words_are_no_numbers_and_a_sign_is_part_of_one(question, numbers):
    assert numbers_of(question) == numbers


def test_prompt_names_the_slots():
    assert formula_format.prompt("Ben has 4 hats and 2 pens. How many?") == (
        "Question:\nBen has 4 hats and 2 pens. How many?\nNumbers: n0 = 4, n1 = 2\nFormula:\n",
    )
