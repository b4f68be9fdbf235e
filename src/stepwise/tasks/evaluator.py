"""A restricted evaluator for arithmetic programs: it answers exactly what Python would, or declines.

It walks the syntax tree with budgets for steps, sizes and nesting. There are no attributes but `math`'s, no imports but
`math`, no objects but numbers, short texts and flat lists, so nothing can be reached that is not in its tables.
"""

from __future__ import annotations

import ast
import math
import operator
import re
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from stepwise.tasks.evaluator_functions import (
    BUILTINS,
    MATH_CONSTANTS,
    MATH_FUNCTIONS,
    Declined,
    Value,
    bounded,
    cost,
    power,
    product,
)

__all__ = ["Declined", "Failed", "evaluate"]

SOURCE_LIMIT = 20_000
"""Longest program in characters."""
STEP_LIMIT = 50_000
"""Most nodes visited (elements of lists count too); a few tens of milliseconds."""
CALL_LIMIT = 30
"""Deepest nesting of calls between the program's own functions."""

_RARE = re.compile(r"\b(?:yield|global|nonlocal|await)\b")
_ANNOTATIONS = {"int", "float", "str", "bool"}
_BREAK, _CONTINUE, _RETURN = object(), object(), object()

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
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
}


class Failed(Exception):  # noqa: N818 - an outcome of the program, not of this code
    """The program raises an error, in Python as here; the message names it."""


def evaluate(source: str) -> float | int | str:
    """What `solution()` of a program returns.

    Raises Declined for what is outside the language or over a budget, and Failed for what is an error in Python too.
    """
    tree = _parsed(source)
    try:
        value = _Program().result(tree)
    except (ArithmeticError, LookupError, TypeError, ValueError, NameError) as error:
        raise Failed(f"{type(error).__name__}: {error}"[:200]) from error
    except RecursionError as error:
        raise Declined("nested too deeply") from error
    return answer(value)


def answer(value: Value) -> float | int | str:
    """A returned value as an answer. Raises Failed for None, nan, inf and numbers beyond a float's range."""
    if isinstance(value, str):
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
        if "\\" in source:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(source)
        else:
            tree = ast.parse(source)
    except (SyntaxError, ValueError, UnicodeError) as error:
        raise Failed(f"SyntaxError: {error}"[:200]) from error
    except (RecursionError, MemoryError) as error:
        raise Failed("SyntaxError: nested too deeply") from error
    if _RARE.search(source) and any(isinstance(node, _SCOPE_CHANGING) for node in ast.walk(tree)):
        raise Declined("generators and global names")
    return tree


_SCOPE_CHANGING = ast.Yield | ast.YieldFrom | ast.Await | ast.Global | ast.Nonlocal


class _Function:
    """A function of the program: its node, its defaults and, once asked for, the names it assigns."""

    def __init__(self, node: ast.FunctionDef, defaults: list[Value]):
        arguments = node.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs or node.decorator_list:
            raise Declined("this kind of function")
        self.node = node
        self.names = [argument.arg for argument in arguments.args]
        self.defaults = dict(zip(self.names[len(self.names) - len(defaults) :], defaults, strict=True))
        self._assigned: set[str] | None = None

    def assigns(self, name: str) -> bool:
        if self._assigned is None:
            stores = (node for node in ast.walk(self.node) if isinstance(node, ast.Name))
            self._assigned = {node.id for node in stores if isinstance(node.ctx, ast.Store)} | set(self.names)
        return name in self._assigned


class _Program:
    """One run: the module's names, the current function's names and the budget."""

    def __init__(self) -> None:
        self.module: dict[str, Any] = {}
        self.scope = self.module
        self.function: _Function | None = None
        self.steps = 0
        self.depth = 0
        self.returned: Value = None
        self.statements: dict[type[ast.stmt], Callable[[Any], object]] = {
            ast.Assign: self._assign,
            ast.Return: self._return,
            ast.Expr: self._expression_statement,
            ast.If: self._if,
            ast.For: self._for,
            ast.While: self._while,
            ast.AugAssign: self._augmented,
            ast.AnnAssign: self._annotated,
            ast.FunctionDef: self._define,
            ast.Import: self._import,
            ast.Pass: lambda _: None,
            ast.Break: lambda _: _BREAK,
            ast.Continue: lambda _: _CONTINUE,
        }
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

    def result(self, tree: ast.Module) -> Value:
        if self._block(tree.body) is not None:
            raise Declined("control flow outside of a function")
        solution = self.module.get("solution")
        if solution is None:
            raise Failed("the program does not define solution()")
        if not isinstance(solution, _Function):
            raise Declined("solution is not a function")
        return self._run(solution, {})

    # statements: None goes on; _BREAK, _CONTINUE and _RETURN leave the block

    def _block(self, body: list[ast.stmt]) -> object:
        for statement in body:
            signal = self._looked_up(self.statements, statement)(statement)
            if signal is not None:
                return signal
        return None

    @staticmethod
    def _looked_up(table: dict[Any, Any], node: ast.AST) -> Any:
        found = table.get(type(node))
        if found is None:
            raise Declined(type(node).__name__)
        return found

    def _bind(self, target: ast.expr, value: Value) -> None:
        if type(target) is ast.Name:
            if target.id == "solution" and "solution" in self.module:
                raise Failed("the program defines solution more than once")
            self.scope[target.id] = value
        elif type(target) is ast.Tuple:
            if not isinstance(value, list | tuple) or len(value) != len(target.elts):
                raise Declined("unpacking")
            for one, part in zip(target.elts, value, strict=True):
                self._bind(one, part)
        else:
            raise Declined("assignment to a part")

    def _assign(self, node: ast.Assign) -> None:
        value = self._value(node.value)
        for target in node.targets:
            self._bind(target, value)

    def _augmented(self, node: ast.AugAssign) -> None:
        if type(node.target) is not ast.Name:
            raise Declined("assignment to a part")
        if self.function is not None and node.target.id not in self.scope:
            raise NameError(f"local variable '{node.target.id}' referenced before assignment")
        before = self._name(ast.Name(node.target.id, ast.Load()))
        if isinstance(before, list):
            raise Declined("a list that changes")
        self._bind(node.target, self._operation(node.op, before, self._value(node.value)))

    def _annotated(self, node: ast.AnnAssign) -> None:
        if node.value is None or not (isinstance(node.annotation, ast.Name) and node.annotation.id in _ANNOTATIONS):
            raise Declined("this annotation")
        self._bind(node.target, self._value(node.value))

    def _return(self, node: ast.Return) -> object:
        if self.function is None:
            raise Failed("SyntaxError: 'return' outside function")
        self.returned = None if node.value is None else self._value(node.value)
        return _RETURN

    def _expression_statement(self, node: ast.Expr) -> None:
        self._value(node.value)

    def _if(self, node: ast.If) -> object:
        return self._block(node.body if self._value(node.test) else node.orelse)

    def _while(self, node: ast.While) -> object:
        if node.orelse:
            raise Declined("else of a loop")
        while self._value(node.test):
            signal = self._block(node.body)
            if signal is _BREAK:
                break
            if signal is _RETURN:
                return signal
        return None

    def _for(self, node: ast.For) -> object:
        if node.orelse:
            raise Declined("else of a loop")
        for item in self._items(node.iter):
            self._spend(1)
            self._bind(node.target, item)
            signal = self._block(node.body)
            if signal is _BREAK:
                break
            if signal is _RETURN:
                return signal
        return None

    def _items(self, node: ast.expr) -> Iterable[Value]:
        items = self._value(node)
        if not isinstance(items, list | tuple | range | str):
            raise TypeError(f"'{type(items).__name__}' object is not iterable")
        return items

    def _define(self, node: ast.FunctionDef) -> None:
        if self.function is not None:
            raise Declined("a function in a function")
        if node.returns is not None and not (isinstance(node.returns, ast.Name) and node.returns.id in _ANNOTATIONS):
            raise Declined("this annotation")
        if any(a.annotation and not isinstance(a.annotation, ast.Name) for a in node.args.args):
            raise Declined("this annotation")
        function = _Function(node, [self._value(default) for default in node.args.defaults])
        if node.name == "solution" and "solution" in self.module:
            raise Failed("the program defines solution more than once")
        self.module[node.name] = function

    def _import(self, node: ast.Import) -> None:
        if any(alias.name != "math" or alias.asname for alias in node.names):
            raise Declined("an import")

    # expressions

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
            raise NameError(f"local variable '{name}' referenced before assignment")
        elif name in self.module:
            value = self.module[name]
        elif name in BUILTINS or name == "math" or name.startswith("__"):
            raise Declined("a function as a value")
        else:
            raise Declined(f"the name {name}")
        if isinstance(value, _Function):
            raise Declined("a function as a value")
        return value

    def _constant(self, node: ast.Constant) -> Value:
        if not isinstance(node.value, int | float | str | None):
            raise Declined("this constant")
        return bounded(node.value)

    def _binary(self, node: ast.BinOp) -> Value:
        return self._operation(node.op, self._value(node.left), self._value(node.right))

    def _operation(self, op: ast.operator, left: Value, right: Value) -> Value:
        operation = self._looked_up(_BINARY, op)
        if (type(left) is int and type(right) is int) or type(left) is float or type(right) is float:
            return bounded(operation(left, right))
        if isinstance(left, str) and type(op) is ast.Mod:
            raise Declined("formatting")
        self._spend(cost(left) + cost(right))
        return bounded(operation(left, right))

    def _unary(self, node: ast.UnaryOp) -> Value:
        return self._looked_up(_UNARY, node.op)(self._value(node.operand))

    def _compare(self, node: ast.Compare) -> bool:
        left = self._value(node.left)
        for op, comparator in zip(node.ops, node.comparators, strict=True):
            right = self._value(comparator)
            self._spend(cost(left) + cost(right))
            if not self._looked_up(_COMPARE, op)(left, right):
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
        if isinstance(own, _Function):
            return self._run(own, self._arguments(own, node))
        if own is not None or name in self.scope or (self.function is not None and self.function.assigns(name)):
            raise Declined("a call of a value")
        return self._apply(BUILTINS.get(name), node)

    def _apply(self, function: Callable[..., Any] | None, node: ast.Call) -> Value:
        if function is None or node.keywords:
            raise Declined("this function")
        arguments = [self._value(argument) for argument in node.args]
        self._spend(sum(map(cost, arguments)))
        return bounded(function(*arguments))

    def _arguments(self, function: _Function, node: ast.Call) -> dict[str, Value]:
        if len(node.args) > len(function.names) or any(keyword.arg is None for keyword in node.keywords):
            raise Declined("these arguments")
        given = dict(zip(function.names, [self._value(argument) for argument in node.args], strict=False))
        for keyword in node.keywords:
            if keyword.arg in given or keyword.arg not in function.names:
                raise TypeError(f"{function.node.name}() got an unexpected argument '{keyword.arg}'")
            given[str(keyword.arg)] = self._value(keyword.value)
        return given

    def _run(self, function: _Function, given: dict[str, Value]) -> Value:
        scope = {**function.defaults, **given}
        if len(scope) < len(function.names):
            raise TypeError(f"{function.node.name}() is missing an argument")
        if self.depth >= CALL_LIMIT:
            raise Declined("calls nested too deeply")
        before = self.scope, self.function
        self.scope, self.function = scope, function
        self.depth += 1
        signal = self._block(function.node.body)
        self.depth -= 1
        self.scope, self.function = before
        if signal is not None and signal is not _RETURN:
            raise Failed("SyntaxError: 'break' outside loop")
        return self.returned if signal is _RETURN else None
