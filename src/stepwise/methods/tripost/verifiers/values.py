"""The value of an expression in a single pass, and whether two texts are the same expression.

`tasks.generated.expressions` builds a tree and walks it recursively. Verification evaluates some thirty expressions an
attempt, and a model may repeat ` + 1` a thousand times, so there is no tree and no recursion here. The language is the
same, and so are the limits on characters and digits; only nesting needs none.
"""

from __future__ import annotations

import re

from stepwise.tasks.generated.expressions import MAX_CHARACTERS, MAX_DIGITS, ExpressionError, parse

MAX_OPERATIONS = 400
"""Longest expression whose tree is built, so that comparing trees stays far from Python's recursion limit."""

_TOKEN = re.compile(r"[0-9]+|[-+*()]")
_SPACE = re.compile(r"\s+")


def value(text: str) -> int:
    """The value of an integer expression of + - * with brackets. Raises ExpressionError if it is not one."""
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"it has more than {MAX_CHARACTERS} characters")
    tokens = _TOKEN.findall(text)
    if "".join(tokens) != _SPACE.sub("", text):
        raise ExpressionError("it contains something other than numbers, + - * and brackets")
    outer: list[tuple[int, int, str]] = []
    total, term, operator = (
        0,
        0,
        "+",
    )  # the sum of the finished terms, the term being read, what comes before an operand
    operand_next, negative = True, False
    for token in tokens:
        if operand_next:
            if token == "(" and not negative:
                outer.append((total, term, operator))
                total, term, operator = 0, 0, "+"
                continue
            if token == "-" and not negative:
                negative = True
                continue
            if not token.isdecimal():
                raise ExpressionError(f"{token!r} stands where a number should")
            if len(token) > MAX_DIGITS:
                raise ExpressionError(f"a number has more than {MAX_DIGITS} digits")
            operand = -int(token) if negative else int(token)
            operand_next = negative = False
        elif token == ")" and outer:
            operand = total + term
            total, term, operator = outer.pop()
        elif token in "+-*":
            operator, operand_next = token, True
            continue
        else:
            raise ExpressionError(f"unexpected {token!r}")
        if operator == "*":
            term *= operand
        else:
            total += term
            term = operand if operator == "+" else -operand
    if operand_next or outer:
        raise ExpressionError("it ends too early")
    return total + term


def same_expression(left: str, right: str) -> bool:
    """Whether two texts have the same operations on the same numbers; spaces and superfluous brackets do not count."""
    if left == right:
        return True
    if max(sum(map(text.count, "+-*")) for text in (left, right)) > MAX_OPERATIONS:
        return False
    try:
        return parse(left) == parse(right)
    except ExpressionError:
        return False
