"""A restricted interpreter for arithmetic programs: it returns exactly what Python would, or declines to run them.

It walks the syntax tree with budgets for steps, sizes and nesting. The only import is `math`, the only attributes are
those of `math`, and the only objects are numbers, short strings and flat lists, so a program can reach nothing that is
not in the tables here.
"""

from __future__ import annotations

import ast
import math
import re
import warnings

from stepwise.tasks.sandbox.interpreter_functions import Declined, Failed, Value
from stepwise.tasks.sandbox.interpreter_statements import Program

__all__ = ["Declined", "Failed", "evaluate"]

SOURCE_LIMIT = 20_000
"""Longest program, in characters."""
TEXT_LIMIT = 1000
"""Longest string that counts as an answer, in characters."""
_FILE = "<program>"
warnings.filterwarnings("ignore", module=_FILE)  # the parser's warnings about style

_SCOPE_CHANGING = ast.Yield | ast.YieldFrom | ast.Await | ast.Global | ast.Nonlocal
_RARE = re.compile(r"\b(?:yield|global|nonlocal|await)\b")


def evaluate(source: str) -> float | int | str:
    """What `solution()` of a program returns.

    Raises Declined for a program outside the interpreter's language or over a budget, and Failed for one that fails in
    Python too.
    """
    tree = _parsed(source)
    try:
        value = Program().result(tree)
    except (ArithmeticError, LookupError, TypeError, ValueError, NameError) as error:
        raise Failed(f"{type(error).__name__}: {error}"[:200]) from error
    except RecursionError as error:
        raise Declined("nested too deeply") from error
    return answer(value)


def answer(value: Value) -> float | int | str:
    """A returned value as an answer. Raises Failed for None, nan, inf and numbers outside the range of a float."""
    if isinstance(value, str):
        if len(value) > TEXT_LIMIT:
            raise Failed("returned a text too long to be an answer")
        return value
    if isinstance(value, list | tuple) and len(value) == 1:
        return str(value)
    if not isinstance(value, int | float):
        raise Failed(f"returned {type(value).__name__}, not a number")
    try:
        finite = math.isfinite(value)
    except OverflowError:
        finite = False
    if not finite:
        raise Failed("returned a number that is not finite")
    return value


def _parsed(source: str) -> ast.Module:
    if len(source) > SOURCE_LIMIT:
        raise Failed(f"longer than {SOURCE_LIMIT} characters")
    try:
        tree = ast.parse(source, _FILE)
    except (SyntaxError, ValueError, UnicodeError) as error:
        raise Failed(f"SyntaxError: {error}"[:200]) from error
    except (RecursionError, MemoryError) as error:
        raise Failed("SyntaxError: nested too deeply") from error
    if _RARE.search(source) and any(isinstance(node, _SCOPE_CHANGING) for node in ast.walk(tree)):
        raise Declined("generators and global names")
    return tree
