import random

import pytest

from stepwise.methods.tripost.verifiers.values import same_expression, value
from stepwise.tasks.generated.expressions import ExpressionError, evaluate, parse


def test_the_value_is_that_of_the_tree():
    generator = random.Random(0)
    valid = 0
    for _ in range(20_000):
        pieces = [
            generator.choice(["(", ")", "+", "-", "*", "-", " ", "7", "12", "0"])
            for _ in range(generator.randint(1, 9))
        ]
        text = "".join(pieces)
        try:
            expected = evaluate(parse(text))
        except ExpressionError:
            with pytest.raises(ExpressionError):
                value(text)
        else:
            assert value(text) == expected
            valid += 1
    assert valid > 500


@pytest.mark.parametrize("text", ["", "1 2", "A", "2 ** 3", "9" * 31, "1" + " + 1" * 1000, "3.5", "()", "１", "1 + ²"])
def test_what_is_no_expression(text):
    with pytest.raises(ExpressionError):
        value(text)


@pytest.mark.parametrize(
    ("left", "right", "same"),
    [
        ("(1 + 2) * 3", "((1+2)*3)", True),
        ("1 - 2 - 3", "(1 - 2) - 3", True),
        ("1 - 2 - 3", "1 - (2 - 3)", False),
        ("1 + 2", "2 + 1", False),
        ("3 - -4", "3 - (-4)", True),
        ("3 + x", "3 + y", False),
        ("1" + " + 1" * 900, "(1" + " + 1" * 900 + ")", False),
    ],
)
def test_the_same_expression(left, right, same):
    assert same_expression(left, right) is same
