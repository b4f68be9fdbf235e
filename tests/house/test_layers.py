"""Imports go downwards only, heavy libraries stay where they belong, and nothing unsafe is called."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "stepwise"

LAYERS = (
    ("errors",),
    ("ngrams", "progress", "records", "statistics", "tokens"),
    ("params",),
    ("tasks", "generation", "models", "tracking", "cluster"),
    ("interaction", "stage"),
    ("evaluation", "training"),
    ("rl", "pretraining", "report"),
    ("methods",),
    ("solver", "pipeline"),
    ("cli", "__init__"),
    ("__main__",),
)
"""Bottom first. A file or folder imports from rows below its own."""

METHODS = sorted({path.name for path in (SOURCE / "methods").iterdir() if path.is_dir()} - {"__pycache__"})

MAY_NAME_METHODS = {
    "src/stepwise/methods/registry.py": "the line with which a method is registered",
    "src/stepwise/params/__init__.py": "the same for its keys of params.yaml",
    "src/stepwise/tasks/gsm8k.py": "how two papers extract an answer",
    "src/stepwise/tasks/mathqa.py": "the folder of a paper's published data",
    "src/stepwise/tasks/moral_stories.py": "the folder of a paper's published data",
    "src/stepwise/tasks/published/formula_rows.py": "the folder of a paper's published data",
    "src/stepwise/tasks/svamp.py": "the folder of a paper's published data",
}

CONFINED = {
    "mlflow": ("tracking/",),
    "trl": ("rl/",),
    "peft": ("training/", "rl/", "models/"),
    "deepspeed": ("training/", "rl/", "models/"),
    "accelerate": ("training/", "rl/", "models/"),
    "vllm": ("generation/vllm_backend.py",),
    "sentence_transformers": ("methods/rationalyst/",),
    "datatrove": ("methods/rationalyst/",),
}
"""Where alone a library may be imported."""

LIGHT = (
    "records",
    "params",
    "tasks",
    "stage",
    "cluster.launcher",
    "tracking",
    "report",
    "methods.registry",
    "evaluation",
    "interaction",
    "cli",
    "pipeline.repro",
)
HEAVY = ("torch", "transformers", "mlflow", "scipy", "dvc")

FORBIDDEN = {"eval", "exec", "pickle.load", "pickle.loads", "torch.load", "cloudpickle.load", "joblib.load"}
SANDBOX = "tasks/sandbox/jail/"
"""Model-written programs run there, in an isolated process."""


def files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def local(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, at any depth, by its full dotted name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_module(name: str) -> bool:
    return (SOURCE / name).is_dir() or (SOURCE / f"{name}.py").is_file()


def height(name: str) -> int:
    levels = [level for level, names in enumerate(LAYERS) if name in names]
    assert levels, f"src/stepwise/{name} is in no layer: add it to LAYERS in {__file__}"
    return levels[0]


def test_imports_go_downwards() -> None:
    wrong = []
    for path in files():
        mine = local(path).split("/")[0].removesuffix(".py")
        for module in imports(path):
            parts = module.split(".")
            if parts[0] == "stepwise" and len(parts) > 1 and is_module(parts[1]):
                theirs = parts[1]
                if theirs != mine and height(theirs) >= height(mine):
                    wrong.append(f"{local(path)} imports {module}, which is not below it")
    assert not wrong, "\n".join(wrong)


def test_methods_never_import_each_other() -> None:
    for path in (SOURCE / "methods").rglob("*/*.py"):
        theirs = {name.split(".")[2] for name in imports(path) if name.startswith("stepwise.methods.")}
        assert theirs <= {local(path).split("/")[1], "base"}, local(path)


def rooms(method: str) -> tuple[str, ...]:
    """Where a method is at home; everywhere else its name is unknown."""
    return (
        f"src/stepwise/methods/{method}/*",
        f"src/stepwise/params/{method}.py",
        f"src/stepwise/report/chapters/{method}*.py",
        f"stages/{method}_*.py",
    )


def written(path: Path) -> Iterator[str]:
    """Every name and text in a file's code; docstrings and comments may cite papers."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value
        for field in ("id", "attr", "arg", "name", "asname", "module"):
            if isinstance(text := getattr(node, field, None), str):
                yield text


def test_names_and_texts_are_read_but_no_docstrings(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text('"""Reft."""\nfrom a.reft import b\n# reft\nx = f"{reft_tasks} and reft"\n"""Of ReFT."""\n')
    assert sorted(text for text in written(path) if "reft" in text.lower()) == [" and reft", "a.reft", "reft_tasks"]


def test_no_method_is_named_outside_its_rooms() -> None:
    wrong = []
    for path in [*files(), *sorted((ROOT / "stages").glob("*.py")), ROOT / "studies" / "seeds.py"]:
        place = path.relative_to(ROOT).as_posix()
        if place not in MAY_NAME_METHODS:
            words = "\n".join(written(path)).lower()
            named = [method for method in METHODS if method in words]
            at_home = {method for method in named if any(fnmatch(place, room) for room in rooms(method))}
            wrong += [f"{place} names {method}" for method in named if method not in at_home]
    assert not wrong, "\n".join(wrong)


def test_libraries_stay_where_they_belong() -> None:
    wrong = [
        f"{local(path)} imports {module}; only {CONFINED[module.split('.')[0]]} may"
        for path in files()
        for module in imports(path)
        if not local(path).startswith(CONFINED.get(module.split(".")[0], ("",)))
    ]
    assert not wrong, "\n".join(wrong)


def test_light_modules_import_nothing_heavy() -> None:
    """Each stage pays for its imports: half the stages and the command line need neither torch nor MLflow."""
    modules = [name for name in LIGHT if is_module(name.replace(".", "/"))]
    code = (
        "import importlib, sys\n"
        f"for name in {modules!r}:\n"
        "    importlib.import_module('stepwise.' + name)\n"
        f"    heavy = [one for one in {HEAVY!r} if one in sys.modules]\n"
        "    assert not heavy, f'stepwise.{name} imports {heavy}'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")}
    )
    assert done.returncode == 0, done.stderr


def unsafe(node: ast.AST) -> str:
    """What is unsafe about a node, or an empty string."""
    if isinstance(node, ast.Call) and ast.unparse(node.func) in FORBIDDEN:
        return f"calls {ast.unparse(node.func)}"
    if isinstance(node, ast.keyword) and node.arg == "trust_remote_code":
        return "" if isinstance(node.value, ast.Constant) and node.value.value is False else "trusts remote code"
    if isinstance(node, ast.ExceptHandler):
        caught = ast.unparse(node.type) if node.type else ""
        return f"catches {caught or 'all'}" if caught in ("", "Exception", "BaseException") else ""
    return ""


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("torch.load(path)", "calls torch.load"),
        ("eval(text)", "calls eval"),
        ("load(path, trust_remote_code=True)", "trusts remote code"),
        ("load(path, trust_remote_code=False)", ""),
        ("try: ...\nexcept Exception: ...", "catches Exception"),
        ("safetensors.torch.load_file(path)", ""),
    ],
)
def test_what_is_unsafe_is_recognised(line: str, why: str) -> None:
    assert " ".join(filter(None, map(unsafe, ast.walk(ast.parse(line))))) == why


def test_nothing_unsafe_is_done() -> None:
    scripts = [path for folder in ("stages", "benchmarks", "studies") for path in sorted((ROOT / folder).rglob("*.py"))]
    calls = [
        f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)} {unsafe(node)}"
        for path in [*files(), *scripts]
        if SANDBOX not in path.as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if unsafe(node)
    ]
    assert not calls, "\n".join(calls)


def test_files_and_functions_stay_small() -> None:
    large = []
    for path in [*files(), *sorted((ROOT / "stages").glob("*.py")), *sorted((ROOT / "studies").rglob("*.py"))]:
        text = path.read_text(encoding="utf-8")
        if text.count("\n") > 300:
            large.append(f"{path.name}: over 300 lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= 50:
                large.append(f"{path.name}: {node.name}: over 50 lines")
    assert not large, "asking to be split: " + ", ".join(large)
