"""Executes a program in this process and reads its return value; only a disposable child process may do this."""

from __future__ import annotations

import builtins
import math
import sys
from types import CodeType, FunctionType
from typing import Any

IMPORTABLE = frozenset(
    [
        "bisect",
        "calendar",
        "cmath",
        "collections",
        "datetime",
        "decimal",
        "fractions",
        "functools",
        "heapq",
        "itertools",
        "math",
        "operator",
        "random",
        "re",
        "statistics",
        "string",
        "sympy",
        "typing",
    ]
)
"""Modules that programs may import. Safety does not rely on this; it only reports early what would not work."""

_REMOVED = (
    "breakpoint",
    "compile",
    "copyright",
    "credits",
    "eval",
    "exec",
    "exit",
    "help",
    "input",
    "license",
    "open",
    "quit",
)
_TEXT_LIMIT = 1000


def result(source: str) -> dict[str, Any]:
    """`{"value": ...}` of a program, or `{"error": ...}` with what is wrong with it in a line."""
    try:
        return {"value": _answer(_returned(source))}
    except BaseException as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def _returned(source: str) -> Any:
    code = compile(source, "<program>", "exec", dont_inherit=True)
    constants = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    bodies = [constant for constant in constants if constant.co_name == "solution"]
    if len(bodies) != 1:
        fault = "does not define solution()" if not bodies else "defines solution more than once"
        raise NameError(f"the program {fault}")
    names = {"__name__": "program", "__builtins__": _builtins(), "math": math}
    if "sympy" in sys.modules:
        names["sympy"] = sys.modules["sympy"]
    exec(code, names)
    solution = names.get("solution")
    if not isinstance(solution, FunctionType) or solution.__code__ is not bodies[0]:
        raise NameError("the program defines solution more than once")
    return solution()


def _builtins() -> dict[str, Any]:
    names = {name: value for name, value in vars(builtins).items() if name not in _REMOVED}
    names["__import__"] = _import
    return names


def _import(name: str, namespace: Any = None, local: Any = None, wanted: Any = (), level: int = 0) -> Any:
    if level or name.partition(".")[0] not in IMPORTABLE:
        raise ImportError(f"programs cannot import {name}")
    return __import__(name, namespace, local, wanted, 0)


def _answer(value: Any) -> float | int | str:
    """A returned value as a number or a string; other numeric types become float, a list of one item its text."""
    if type(value) is str:
        if len(value) > _TEXT_LIMIT:
            raise ValueError("returned a text too long to be an answer")
        return value
    if type(value) in (list, tuple, set, dict) and len(value) == 1:
        return str(value)[:_TEXT_LIMIT]
    if type(value) is bool:
        return value
    if not hasattr(type(value), "__float__"):
        raise TypeError(f"returned {type(value).__name__}, not a number")
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("returned a number that is not finite")
    return int(value) if isinstance(value, int) else number
