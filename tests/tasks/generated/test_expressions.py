import ast
import operator
import random

import pytest

from stepwise.tasks.generated.expressions import ExpressionError, evaluate, parse, reduction, render

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul}


def python_value(node):
    """The value of an expression by Python's own grammar, as an independent reference."""
    if isinstance(node, ast.Expression):
        return python_value(node.body)
    if isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](python_value(node.left), python_value(node.right))
    if isinstance(node, ast.UnaryOp):
        return -python_value(node.operand)
    return node.value


def random_text(generator, depth):
    if depth == 0:
        return str(generator.randint(-20, 20))
    parts = [random_text(generator, generator.randrange(depth)) for _ in range(generator.randint(1, 4))]
    text = parts[0]
    for part in parts[1:]:
        text += generator.choice([" + ", " - ", " * ", "-", "*", "+"]) + part
    return f"({text})"


@pytest.mark.parametrize("seed", range(200))
def test_random_expressions_have_the_value_and_the_grouping_that_python_gives_them(seed):
    text = random_text(random.Random(seed), 4)
    expression = parse(text)
    assert evaluate(expression) == python_value(ast.parse(text, mode="eval"))
    stages = reduction(expression)
    assert stages[0] == render(expression)
    assert stages[-1] == str(evaluate(expression))
    assert {evaluate(parse(stage)) for stage in stages} == {evaluate(expression)}


def test_reduction_sweeps_over_the_innermost_operations_from_left_to_right():
    assert reduction(parse("1 + 2 + 3 + 4 * 5")) == [
        "(((1 + 2) + 3) + (4 * 5))",
        "((3 + 3) + (4 * 5))",
        "((3 + 3) + 20)",
        "(6 + 20)",
        "26",
    ]


def test_a_number_is_its_own_reduction():
    assert reduction(parse(" (-7) ")) == ["-7"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "ends too early"),
        ("2 +", "ends too early"),
        ("2 3", "unexpected '3'"),
        ("2 ** 3", "stands where a number should"),
        ("(2 + 3", "never closed"),
        ("2 + 3)", "unexpected"),
        ("-(2)", "stands where a number should"),
        ("__import__('os')", "cannot be part of an expression"),
        ("A + 1", "cannot be part of an expression"),
        ("(" * 500 + "1" + ")" * 500, "nested deeper"),
        ("9" * 31, "more than 30 digits"),
        ("1+" * 3000 + "1", "characters"),
    ],
)
def test_anything_else_is_an_error_that_says_what_is_wrong(text, complaint):
    with pytest.raises(ExpressionError, match=complaint):
        parse(text)
