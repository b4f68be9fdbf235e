"""Expressions in the restricted interpreter: a method for each kind of node, and the step budget."""

from __future__ import annotations

import ast
import builtins
import operator
from collections.abc import Callable
from typing import Any

from stepwise.tasks.sandbox.interpreter_functions import (
    BUILTINS,
    MATH_CONSTANTS,
    MATH_FUNCTIONS,
    Declined,
    Value,
    bounded,
    cost,
    known,
    listed,
    power,
    product,
)

STEP_LIMIT = 50_000
"""Most nodes visited, counting list elements; a few tens of milliseconds."""

_UNKNOWN_HERE = frozenset({*vars(builtins), "math", "sympy"})
"""Names that Python knows; where the interpreter does not, it declines rather than raising NameError."""
_NUMBERS = (int, float)
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: product,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: power,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, items: item in listed(items),
    ast.NotIn: lambda item, items: item not in listed(items),
}


class Function:
    """A function of the program: its node, its defaults and the names it assigns."""

    def __init__(self, node: ast.FunctionDef, defaults: list[Value]):
        arguments = node.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs or node.decorator_list:
            raise Declined("this kind of function")
        self.node = node
        self.names = [argument.arg for argument in arguments.args]
        self.defaults = dict(zip(self.names[len(self.names) - len(defaults) :], defaults, strict=True))
        self._assigned: set[str] | None = None

    def assigns(self, name: str) -> bool:
        """Whether the name is (or may be) local to the function, so that a global of that name is not visible."""
        if self._assigned is None:
            stores = (node for node in ast.walk(self.node) if isinstance(node, ast.Name))
            self._assigned = {node.id for node in stores if not isinstance(node.ctx, ast.Load)} | set(self.names)
        return name in self._assigned


class Expressions:
    """Evaluates expressions within the module's names, the current function's names and the step budget."""

    def __init__(self) -> None:
        self.module: dict[str, Any] = {}
        self.scope = self.module
        self.function: Function | None = None
        self.steps = 0
        self.expressions: dict[type[ast.expr], Callable[[Any], Value]] = {
            ast.Name: self._name,
            ast.Constant: self._constant,
            ast.BinOp: self._binary,
            ast.UnaryOp: self._unary,
            ast.Compare: self._compare,
            ast.BoolOp: self._boolean,
            ast.IfExp: self._conditional,
            ast.Call: self._call,
            ast.Attribute: self._attribute,
            ast.List: self._list,
            ast.Tuple: self._tuple,
            ast.Subscript: self._subscript,
        }

    def run(self, function: Function, arguments: dict[str, Value]) -> Value:
        """The return value of one of the program's own functions."""
        raise NotImplementedError

    def _spend(self, steps: int) -> None:
        self.steps += steps
        if self.steps > STEP_LIMIT:
            raise Declined("too many steps")

    def _value(self, node: ast.expr) -> Value:
        self.steps += 1
        if self.steps > STEP_LIMIT:
            raise Declined("too many steps")
        handler = self.expressions.get(type(node))
        if handler is None:
            raise Declined(type(node).__name__)
        return handler(node)

    def _name(self, node: ast.Name) -> Value:
        name = node.id
        if name in self.scope:
            value = self.scope[name]
        elif self.function is not None and self.function.assigns(name):
            raise Declined("a local name without a value")
        elif name in self.module:
            value = self.module[name]
        elif name in _UNKNOWN_HERE or name.startswith("__"):
            raise Declined(f"the name {name}")
        else:
            raise NameError(f"name '{name}' is not defined")
        if isinstance(value, Function):
            raise Declined("a function as a value")
        return value

    def _constant(self, node: ast.Constant) -> Value:
        if not isinstance(node.value, int | float | str | None):
            raise Declined("this constant")
        return bounded(node.value)

    def _binary(self, node: ast.BinOp) -> Value:
        return self._operation(node.op, self._value(node.left), self._value(node.right))

    def _operation(self, op: ast.operator, left: Value, right: Value) -> Value:
        operation = known(_BINARY, op)
        if type(left) in _NUMBERS and type(right) in _NUMBERS:
            return bounded(operation(left, right))
        if isinstance(left, str) and type(op) is ast.Mod:
            raise Declined("formatting")
        self._spend(cost(left) + cost(right))
        return bounded(operation(left, right))

    def _unary(self, node: ast.UnaryOp) -> Value:
        return known(_UNARY, node.op)(self._value(node.operand))

    def _compare(self, node: ast.Compare) -> bool:
        left = self._value(node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._value(comparator)
            self._spend(cost(left) + cost(right))
            if not known(_COMPARE, op)(left, right):
                return False
            left = right
        return True

    def _boolean(self, node: ast.BoolOp) -> Value:
        stop_at = isinstance(node.op, ast.Or)
        value: Value = None
        for operand in node.values:
            value = self._value(operand)
            if bool(value) is stop_at:
                return value
        return value

    def _conditional(self, node: ast.IfExp) -> Value:
        return self._value(node.body if self._value(node.test) else node.orelse)

    def _attribute(self, node: ast.Attribute) -> Value:
        self._need_math(node)
        if node.attr not in MATH_CONSTANTS:
            raise Declined("a function as a value")
        return MATH_CONSTANTS[node.attr]

    def _need_math(self, node: ast.Attribute) -> None:
        base = node.value
        if not (isinstance(base, ast.Name) and base.id == "math") or "math" in self.scope or "math" in self.module:
            raise Declined("an attribute")

    def _list(self, node: ast.List) -> Value:
        return bounded([self._scalar(item) for item in node.elts])

    def _tuple(self, node: ast.Tuple) -> Value:
        return bounded(tuple(self._scalar(item) for item in node.elts))

    def _scalar(self, node: ast.expr) -> Value:
        value = self._value(node)
        if isinstance(value, list | tuple | range):
            raise Declined("a list in a list")
        return value

    def _subscript(self, node: ast.Subscript) -> Value:
        items = self._value(node.value)
        if isinstance(node.slice, ast.Slice):
            raise Declined("a slice")
        index = self._value(node.slice)
        if not isinstance(items, list | tuple | str | range) or not isinstance(index, int):
            raise Declined("this index")
        return items[index]

    def _call(self, node: ast.Call) -> Value:
        target = node.func
        if isinstance(target, ast.Attribute):
            self._need_math(target)
            return self._apply(MATH_FUNCTIONS.get(target.attr), node)
        if not isinstance(target, ast.Name):
            raise Declined("a call of a value")
        name = target.id
        own = self.scope.get(name, self.module.get(name))
        if isinstance(own, Function):
            return self.run(own, self._arguments(own, node))
        if name in self.scope or name in self.module or (self.function is not None and self.function.assigns(name)):
            raise Declined("a call of a value")
        return self._apply(BUILTINS.get(name), node)

    def _apply(self, function: Callable[..., Any] | None, node: ast.Call) -> Value:
        if function is None or node.keywords:
            raise Declined("this function")
        arguments = [self._value(argument) for argument in node.args]
        self._spend(sum(map(cost, arguments)))
        return bounded(function(*arguments))

    def _arguments(self, function: Function, node: ast.Call) -> dict[str, Value]:
        if len(node.args) > len(function.names) or any(keyword.arg is None for keyword in node.keywords):
            raise Declined("these arguments")
        arguments = dict(zip(function.names, [self._value(argument) for argument in node.args], strict=False))
        for keyword in node.keywords:
            if keyword.arg in arguments or keyword.arg not in function.names:
                raise TypeError(f"{function.node.name}() got an unexpected argument '{keyword.arg}'")
            arguments[str(keyword.arg)] = self._value(keyword.value)
        return arguments
