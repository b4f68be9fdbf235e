"""Statements in the restricted interpreter: assignment, control flow and the program's own functions."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable
from typing import Any

from stepwise.tasks.sandbox.interpreter_expressions import Expressions, Function
from stepwise.tasks.sandbox.interpreter_functions import Declined, Failed, Value, known

CALL_LIMIT = 30
"""Deepest call stack of the program's own functions."""

_ANNOTATIONS = {"int", "float", "str", "bool"}
_BREAK, _CONTINUE, _RETURN = object(), object(), object()
"""How a block was left; None means that it ran to its end."""


class Program(Expressions):
    """A single run of a program: its names, its call stack and a method for each kind of statement."""

    def __init__(self) -> None:
        super().__init__()
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

    def result(self, tree: ast.Module) -> Value:
        """Run the module's statements and return the value of `solution()`. Raises Declined or Failed."""
        if self._block(tree.body) is not None:
            raise Declined("control flow outside of a function")
        solution = self.module.get("solution")
        if solution is None:
            raise Failed("the program does not define solution()")
        if not isinstance(solution, Function):
            raise Declined("solution is not a function")
        return self.run(solution, {})

    def _block(self, body: list[ast.stmt]) -> object:
        for statement in body:
            signal = known(self.statements, statement)(statement)
            if signal is not None:
                return signal
        return None

    def _bind(self, target: ast.expr, value: Value) -> None:
        if type(target) is ast.Name:
            if target.id == "solution" and self.function is None and "solution" in self.module:
                raise Failed("the program defines solution more than once")
            self.scope[target.id] = value
        elif type(target) is ast.Tuple:
            if not isinstance(value, list | tuple) or len(value) != len(target.elts):
                raise Declined("unpacking")
            for element, part in zip(target.elts, value, strict=True):
                self._bind(element, part)
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
            raise Declined("a local name without a value")
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
        for argument in node.args.args:
            annotation = argument.annotation
            if annotation and not (isinstance(annotation, ast.Name) and annotation.id in _ANNOTATIONS):
                raise Declined("this annotation")
        function = Function(node, [self._value(default) for default in node.args.defaults])
        if node.name == "solution" and "solution" in self.module:
            raise Failed("the program defines solution more than once")
        self.module[node.name] = function

    def _import(self, node: ast.Import) -> None:
        if any(alias.name != "math" or alias.asname for alias in node.names):
            raise Declined("an import")

    def run(self, function: Function, arguments: dict[str, Value]) -> Value:
        """Call a function: run its body in a new scope and return its value."""
        scope = {**function.defaults, **arguments}
        if len(scope) < len(function.names):
            raise TypeError(f"{function.node.name}() is missing an argument")
        if self.depth >= CALL_LIMIT:
            raise Declined("calls nested too deeply")
        caller = self.scope, self.function
        self.scope, self.function = scope, function
        self.depth += 1
        signal = self._block(function.node.body)
        self.depth -= 1
        self.scope, self.function = caller
        if signal is not None and signal is not _RETURN:
            raise Failed("SyntaxError: 'break' outside loop")
        return self.returned if signal is _RETURN else None
