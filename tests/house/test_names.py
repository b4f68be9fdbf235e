"""Identifiers say what they hold: a few words that say nothing are not used as names."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "stages", "studies", "benchmarks", "tests", "requirements")
EMPTY_NAMES = {"one", "found", "made", "asked", "said", "standing", "contest", "course"}
CARD_FIELD = "made", ("src/stepwise/models/card.py", "src/stepwise/pretraining/pretrain.py", "tests/pretraining")
"""A key of the cards in checkpoints/, by which shipped models are known."""


def identifiers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every name that a file defines or passes on, with its line; attributes where they are assigned."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id, node.lineno
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno
        elif isinstance(node, ast.arg | ast.keyword) and node.arg:
            yield node.arg, node.lineno
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node.lineno
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, node.lineno
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            yield node.name, node.lineno


@pytest.mark.parametrize(
    "code",
    [
        "for one in rows: ...",
        "lambda one: one",
        "def said(): ...",
        "self.made = 1",
        "f(asked=1)",
        "import json as found",
        "try: ...\nexcept OSError as found: ...",
        "match rows:\n    case [*course]: ...",
        "class Record:\n    standing: int",
    ],
)
def test_names_that_say_nothing_are_recognised(code: str) -> None:
    assert any(name in EMPTY_NAMES for name, _ in identifiers(ast.parse(code)))


def test_no_name_says_nothing() -> None:
    used = []
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            where = path.relative_to(ROOT).as_posix()
            if path.stem in EMPTY_NAMES:
                used.append(f"{where}: the file's name")
            tree = ast.parse(path.read_text(encoding="utf-8"))
            allowed = {CARD_FIELD[0]} if where.startswith(CARD_FIELD[1]) else set()
            used += [f"{where}:{line} {name}" for name, line in identifiers(tree) if name in EMPTY_NAMES - allowed]
    assert not used, "name what it is (a problem, a completion, a path ...):\n" + "\n".join(used)
