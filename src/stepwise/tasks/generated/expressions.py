"""Integer expressions of + - * with brackets: parsed, evaluated and reduced by our own code, never by Python's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

MAX_CHARACTERS = 4000
MAX_NESTING = 100
MAX_DIGITS = 30

_TOKEN = re.compile(r"\s*(?:(?P<number>[0-9]+)|(?P<symbol>[-+*()]))")
_PRECEDENCE = {"+": 1, "-": 1, "*": 2}


class ExpressionError(ValueError):
    """Text that is not an expression or exceeds the limits above; the message says where."""


@dataclass(frozen=True)
class Operation:
    """Two operands and + - or *. A leaf of the tree is an int."""

    left: Expression
    operator: str
    right: Expression


Expression = Operation | int


def parse(text: str) -> Expression:
    """Parse an expression with Python's precedence and left associativity; a minus sign may stand before a number.

    Raises ExpressionError on anything else, on nesting deeper than MAX_NESTING and on numbers over MAX_DIGITS.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"the expression has {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    parser = _Parser(_tokens(text))
    expression = parser.expression(1, 0)
    if parser.token is not None:
        raise ExpressionError(f"unexpected {parser.token!r} after the expression in {text!r}")
    return expression


def evaluate(expression: Expression) -> int:
    """The expression's value."""
    if isinstance(expression, int):
        return expression
    return _apply(expression.operator, evaluate(expression.left), evaluate(expression.right))


def render(expression: Expression) -> str:
    """The expression with every operation in brackets: `((7 - -1) + -4)`."""
    if isinstance(expression, int):
        return str(expression)
    return f"({render(expression.left)} {expression.operator} {render(expression.right)})"


def reduction(expression: Expression) -> list[str]:
    """Every stage on the way to the value, as text: fully bracketed first, a bare number last.

    A sweep evaluates the operations whose operands are both numbers, one by one from left to right; sweeps repeat until
    a single number is left.
    """
    stages = [render(expression)]
    while isinstance(expression, Operation):
        ready = _ready(expression)
        for done in range(1, ready + 1):
            stages.append(render(_evaluated(expression, iter(range(done)))))
        expression = _evaluated(expression, iter(range(ready)))
    return stages


class _Parser:
    """Precedence climbing over a stream of tokens."""

    def __init__(self, tokens: Iterator[str]):
        self._tokens = tokens
        self.token: str | None = next(tokens, None)

    def _take(self) -> str:
        token = self.token
        if token is None:
            raise ExpressionError("the expression ends too early")
        self.token = next(self._tokens, None)
        return token

    def expression(self, lowest: int, nesting: int) -> Expression:
        left = self._operand(nesting)
        while self.token is not None and _PRECEDENCE.get(self.token, 0) >= lowest:
            operator = self._take()
            left = Operation(left, operator, self.expression(_PRECEDENCE[operator] + 1, nesting))
        return left

    def _operand(self, nesting: int) -> Expression:
        token = self._take()
        if token == "(":
            if nesting == MAX_NESTING:
                raise ExpressionError(f"brackets are nested deeper than {MAX_NESTING}")
            inside = self.expression(1, nesting + 1)
            if self.token != ")":
                raise ExpressionError("a bracket is never closed")
            self._take()
            return inside
        sign = 1
        if token == "-":
            sign, token = -1, self._take()
        if not token.isdecimal():
            raise ExpressionError(f"{token!r} stands where a number should")
        return sign * int(token)


def _tokens(text: str) -> Iterator[str]:
    position, end = 0, len(text.rstrip())
    while position < end:
        match = _TOKEN.match(text, position)
        if match is None:
            raise ExpressionError(f"{text[position:].strip()[:1]!r} cannot be part of an expression")
        if len(match["number"] or "") > MAX_DIGITS:
            raise ExpressionError(f"a number has more than {MAX_DIGITS} digits")
        yield match["number"] or match["symbol"]
        position = match.end()


def _apply(operator: str, left: int, right: int) -> int:
    if operator == "+":
        return left + right
    return left - right if operator == "-" else left * right


def _is_ready(expression: Operation) -> bool:
    return isinstance(expression.left, int) and isinstance(expression.right, int)


def _ready(expression: Expression) -> int:
    """The number of operations whose operands are both numbers."""
    if isinstance(expression, int):
        return 0
    return 1 if _is_ready(expression) else _ready(expression.left) + _ready(expression.right)


def _evaluated(expression: Expression, budget: Iterator[int]) -> Expression:
    """The expression with its leftmost ready operations evaluated, as many as the budget has items."""
    if isinstance(expression, int):
        return expression
    if isinstance(expression.left, int) and isinstance(expression.right, int):
        spent = next(budget, None) is not None
        return _apply(expression.operator, expression.left, expression.right) if spent else expression
    left = _evaluated(expression.left, budget)
    return Operation(left, expression.operator, _evaluated(expression.right, budget))
