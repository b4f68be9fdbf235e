"""The released hints, defects included: the worked examples on a formula of two steps, and one of four."""

from __future__ import annotations

import pytest

from stepwise.methods.refiner.domains.released_hints import released_hint, released_text
from stepwise.tasks.formats.formulas import parse_formula

GOLD = "#0: subtract ( number0, number1 ) | #1: divide ( #0, number2 ) |  EOS"


def test_the_text_of_the_released_files():
    assert released_text(parse_formula("subtract(n0,n1)|divide(#0,n2)")) == GOLD
    assert released_text(parse_formula("multiply(n0,100.0)")) == "#0: multiply ( number0, 100.0 ) |  EOS"


@pytest.mark.parametrize(
    ("hypothesis", "hint"),
    [
        (GOLD, " <hint>  No  | EOH "),
        (
            "#0: divide ( number0, number2 ) | #1: multiply ( #0, number1 ) |  EOS",
            " <hint>  the operator in #0 is incorrect.  the second number in #0 is incorrect. "
            " the operator in #1 is incorrect.  the second number in #1 is incorrect.  | EOH ",
        ),
        (
            "#0: subtract ( number0, number1 ) |  EOS",
            " <hint>  add an operator.  the operator in #1 is incorrect. "
            " the first number in #1 is incorrect.  the second number in #1 is incorrect.  | EOH ",
        ),
        (
            "#0: subtract ( number0, number1 ) | #1: divide ( #0, number2 ) | #2: add ( #1, number3 ) |  EOS",
            " <hint>  remove an operator.  | EOH ",
        ),
        (
            "#0: subtract ( number1, number0 ) | #1: divide ( #0, number2 ) |  EOS",
            " <hint>  the first number in #0 is incorrect.  the second number in #0 is incorrect.  | EOH ",
        ),
        (GOLD.replace("|  EOS", "| EOS"), " <hint>  | EOH "),
    ],
)
def test_the_worked_examples(hypothesis, hint):
    assert released_hint(hypothesis, GOLD) == hint


def test_a_swap_in_an_addition_is_blamed():
    hint = released_hint("#0: add ( number1, number0 ) |  EOS", "#0: add ( number0, number1 ) |  EOS")
    assert hint == " <hint>  the first number in #0 is incorrect.  the second number in #0 is incorrect.  | EOH "


@pytest.mark.parametrize(
    ("gold", "wrong", "sentence"),
    [
        (("number3,", "#2"), ("number2,", "#2"), " the second number in #3 is incorrect. "),
        (("#2,", "number3"), ("#2,", "number2"), " the first number in #3 is incorrect. "),
        (("#2,", "number3"), ("#1,", "number3"), ""),
        (("#2,", "100.0"), ("#2,", "10.0"), ""),
    ],
)
def test_operands_of_step_3_are_confused_and_some_are_ignored(gold, wrong, sentence):
    first_steps = released_text(parse_formula("add(n0,n1)|add(#0,n2)|add(#1,n3)")).removesuffix(" EOS")
    right, other = (f"{first_steps}#3: subtract ( {left} {second} ) |  EOS" for left, second in (gold, wrong))
    assert released_hint(other, right) == f" <hint> {sentence} | EOH "
