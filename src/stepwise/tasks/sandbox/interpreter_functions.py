"""Functions and size limits of the restricted interpreter; every function is pure and its cost is bounded."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")
Value: TypeAlias = Any
"""int, float, bool, str, None, range, or a list or tuple of these."""

BIT_LIMIT = 4096
"""Largest integer, in bits: four times what fits a float, as an answer must."""
LENGTH_LIMIT = 10_000
"""Longest list or string."""


class Declined(Exception):  # noqa: N818 - says that someone else must run the program, not that something is wrong
    """The program uses something outside the interpreter's language, or exceeds a budget."""


class Failed(Exception):  # noqa: N818 - an outcome of the program, not of this code
    """The program raises an error, here and in Python; the message names it."""


def bounded(value: Value) -> Value:
    """The value itself. Raises Declined if it is too large or of a type that the interpreter does not know."""
    kind = type(value)
    if kind is float or kind is bool or value is None:
        return value
    if kind is int:
        if value.bit_length() > BIT_LIMIT:
            raise Declined("a number too large")
        return value
    if kind in (str, list, tuple):
        if len(value) > LENGTH_LIMIT:
            raise Declined("a value too long")
        return value
    if kind is range:
        return value
    raise Declined(f"a value of type {kind.__name__}")


def known(table: Mapping[type[Any], T], node: Any) -> T:
    """The entry for a node's type. Raises Declined if there is none."""
    entry = table.get(type(node))
    if entry is None:
        raise Declined(type(node).__name__)
    return entry


def cost(value: Value) -> int:
    """The number of elements that an operation on the value may touch."""
    return len(value) if isinstance(value, list | tuple | str) else 0


def product(left: Value, right: Value) -> Value:
    """`left * right`. Raises Declined if a repeated sequence becomes too long."""
    for sequence, times in ((left, right), (right, left)):
        if isinstance(sequence, str | list | tuple) and isinstance(times, int) and len(sequence) * times > LENGTH_LIMIT:
            raise Declined("a value too long")
    return left * right


def power(base: Value, exponent: Value) -> Value:
    """`base ** exponent`. Raises Declined, before computing it, for an integer power that is too large."""
    if (
        isinstance(base, int)
        and isinstance(exponent, int)
        and abs(base) > 1
        and base.bit_length() * exponent > BIT_LIMIT
    ):
        raise Declined("a number too large")
    return base**exponent


def listed(items: Value) -> Sequence[Value]:
    """The items of a sequence. Raises Declined if it is too long, and TypeError where Python would."""
    if not isinstance(items, list | tuple | str | range):
        raise TypeError(f"'{type(items).__name__}' object is not iterable")
    if len(items) > LENGTH_LIMIT:
        raise Declined("a value too long")
    return items


def _over(function: Callable[[Iterable[Value]], Value]) -> Callable[..., Value]:
    """A builtin that takes a single sequence."""

    def applied(items: Value, *rest: Value) -> Value:
        if rest:
            raise Declined("these arguments")
        return function(listed(items))

    return applied


def _extreme(function: Callable[..., Value]) -> Callable[..., Value]:
    """`min` or `max`, of a sequence or of the arguments."""
    return lambda *items: function(listed(items[0])) if len(items) == 1 else function(*items)


def _round(number: Value, digits: Value = None) -> Value:
    if digits is not None and not (isinstance(digits, int) and abs(digits) <= 50):
        raise Declined("this rounding")
    return round(number) if digits is None else round(number, digits)


def _range(*bounds: Value) -> range:
    numbers = range(*bounds)
    if max(abs(numbers.start), abs(numbers.stop)) > 2**62:
        raise Declined("a number too large")
    return numbers


def _text(value: Value = "", *rest: Value) -> str:
    if rest or not isinstance(value, int | float | str):
        raise Declined("this text")
    return str(value)


def _to_int(value: Value = 0, *base: Value) -> int:
    if base or (isinstance(value, str) and len(value) > 400):
        raise Declined("a number too large")
    return int(value)


def _to_float(value: Value = 0.0) -> float:
    if isinstance(value, str) and len(value) > 400:
        raise Declined("a number too large")
    return float(value)


def _pow(base: Value, exponent: Value, *modulus: Value) -> Value:
    if modulus:
        raise Declined("a power with a modulus")
    return power(base, exponent)


def _at_most(limit: int, function: Callable[..., Value]) -> Callable[..., Value]:
    """A fast-growing function of integers, for arguments up to a limit."""

    def applied(*numbers: Value) -> Value:
        if any(isinstance(number, int | float) and number > limit for number in numbers):
            raise Declined("a number too large")
        return function(*numbers)

    return applied


def _math_product(items: Value) -> Value:
    if sum(item.bit_length() for item in listed(items) if isinstance(item, int)) > BIT_LIMIT:
        raise Declined("a number too large")
    return math.prod(items)


def _lcm(*numbers: Value) -> int:
    if sum(number.bit_length() for number in numbers if isinstance(number, int)) > BIT_LIMIT:
        raise Declined("a number too large")
    return math.lcm(*numbers)


def _print(*_: Value) -> None:
    """Discards what a program prints."""


BUILTINS: dict[str, Callable[..., Value]] = {
    "abs": abs,
    "all": _over(all),
    "any": _over(any),
    "bool": bool,
    "divmod": divmod,
    "float": _to_float,
    "int": _to_int,
    "len": len,
    "list": _over(list),
    "max": _extreme(max),
    "min": _extreme(min),
    "pow": _pow,
    "print": _print,
    "range": _range,
    "round": _round,
    "sorted": _over(sorted),
    "str": _text,
    "sum": _over(sum),
    "tuple": _over(tuple),
}

MATH_CONSTANTS: dict[str, float] = {"pi": math.pi, "e": math.e, "tau": math.tau, "inf": math.inf}

_PLAIN = (
    "ceil floor trunc fabs fmod isqrt sqrt cbrt exp log log2 log10 log1p sin cos tan asin acos atan atan2 sinh cosh "
    "tanh degrees radians hypot pow gcd isclose copysign"
)

MATH_FUNCTIONS: dict[str, Callable[..., Value]] = {
    **{name: getattr(math, name) for name in _PLAIN.split() if hasattr(math, name)},
    "factorial": _at_most(400, math.factorial),
    "comb": _at_most(1000, math.comb),
    "perm": _at_most(400, math.perm),
    "prod": _math_product,
    "fsum": _over(math.fsum),
    "lcm": _lcm,
}
