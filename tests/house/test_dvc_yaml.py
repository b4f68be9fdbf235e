"""dvc.yaml agrees with every stage's script: parameters, arguments and the code that it depends on."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from stepwise.cluster import jobs

ROOT = Path(__file__).resolve().parents[2]
FILES = ("dvc.yaml", "studies/dvc.yaml")
STAGES: dict[str, dict[str, Any]] = {
    name: stage.get("do", stage)
    for file in FILES
    for name, stage in yaml.safe_load((ROOT / file).read_text())["stages"].items()
}
HARMLESS = {"errors", "stage", "cluster", "tracking", "params"}
"""Modules that decide where a stage runs and what is recorded, not its result: no stage depends on them."""
COMMANDS = "commands.py"
"""Methods' commands for `python -m stepwise`, which no stage runs."""


def script(stage: str) -> Path:
    """The script that a stage's command runs; stages that differ only in their arguments share one."""
    (name,) = re.findall(r"python (stages/\w+\.py)", STAGES[stage]["cmd"])
    return ROOT / name


@cache
def function(stage: str) -> tuple[tuple[str, ...], list[str]]:
    """The parameters that a stage's script declares and its keyword arguments, read without running it."""
    tree = ast.parse(script(stage).read_text())
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == "main":
            (decorator,) = [call for call in node.decorator_list if isinstance(call, ast.Call)]
            (declared,) = [keyword.value for keyword in decorator.keywords if keyword.arg == "params"]
            assert isinstance(declared, ast.Tuple)
            keys = tuple(key for element in declared.elts for key in declared_keys(element, tree))
            return keys, [argument.arg for argument in node.args.kwonlyargs]
    raise AssertionError(f"stages/{stage}.py has no function main")


def declared_keys(element: ast.expr, tree: ast.Module) -> tuple[str, ...]:
    """The key that an element of a stage's declaration is, or those of a starred constant.

    The script imports the constant or assigns it.
    """
    if not isinstance(element, ast.Starred):
        return (ast.literal_eval(element),)
    name = ast.unparse(element.value)
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [name]:
            return tuple(ast.literal_eval(node.value))
    (module,) = [
        node.module
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and name in [alias.name for alias in node.names]
    ]
    keys: tuple[str, ...] = getattr(importlib.import_module(module), name)
    return keys


def entries(stage: str, key: str) -> list[str]:
    """Entries of a stage's list, without their options."""
    return [next(iter(entry)) if isinstance(entry, dict) else entry for entry in STAGES[stage].get(key, [])]


def module_file(name: str) -> Path | None:
    """The file of a dotted name below stepwise: a module, or the package or module that has the name in it."""
    path = ROOT / "src" / Path(*name.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py", path.parent.with_suffix(".py")):
        if candidate.is_file():
            return candidate
    return path.parent / "__init__.py" if (path.parent / "__init__.py").is_file() else None


def is_empty(file: Path) -> bool:
    """Whether a module has no code but, at most, its docstring, as the __init__ of most packages."""
    return all(isinstance(node, ast.Expr) for node in ast.parse(file.read_text()).body)


def imported_files(name: str) -> Iterator[Path]:
    """The files that importing a dotted name runs: the module's and those of the packages it is in."""
    parts = name.split(".")
    packages = [ROOT / "src" / Path(*parts[:end]) / "__init__.py" for end in range(2, len(parts))]
    yield from (file for file in (*packages, module_file(name)) if file is not None and file.is_file())


def code_of(script: Path) -> set[str]:
    """Files under src/ that a script reaches by imports, HARMLESS and empty ones left out."""
    reached: set[str] = set()
    waiting = [script]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text())):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            for name in names:
                parts = name.split(".")
                if parts[0] != "stepwise" or len(parts) < 2 or parts[1] in HARMLESS:
                    continue
                for file in imported_files(name):
                    local = file.relative_to(ROOT).as_posix()
                    harmless = local == "src/stepwise/__init__.py" or file.name == COMMANDS or is_empty(file)
                    if local not in reached and not harmless:
                        reached.add(local)
                        waiting.append(file)
    return reached


def test_every_script_is_run_by_a_stage() -> None:
    assert {script(stage) for stage in STAGES} == set((ROOT / "stages").glob("*.py"))


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_described(stage: str) -> None:
    assert len(STAGES[stage].get("desc", "")) > 20


@pytest.mark.parametrize("stage", STAGES)
def test_declared_parameters_are_the_same(stage: str) -> None:
    declared, _ = function(stage)
    # A stage that shares its script names a group of parameters on its command line.
    literals = dict(re.findall(r"--(\w+) (\w+)(?= |$)", STAGES[stage]["cmd"]))
    expected = {re.sub(r"\{(\w+)\}", lambda match: literals.get(match[1], match[0]), key) for key in declared}
    names = [key.replace("${key}", "{name}") for key in entries(stage, "params")]
    assert {re.sub(r"\$\{item\.(\w+)\}", r"{\1}", key) for key in names} == expected


@pytest.mark.parametrize("stage", STAGES)
def test_the_command_gives_the_scripts_arguments(stage: str) -> None:
    _, arguments = function(stage)
    command = STAGES[stage]["cmd"]
    assert sorted(re.findall(r"--([a-z-]+)", command)) == sorted(argument.replace("_", "-") for argument in arguments)


@pytest.mark.parametrize("stage", STAGES)
def test_dependencies_cover_the_imports(stage: str) -> None:
    deps = entries(stage, "deps")
    assert script(stage).relative_to(ROOT).as_posix() in deps
    missing = [
        file for file in sorted(code_of(script(stage))) if not any((file + "/").startswith(dep + "/") for dep in deps)
    ]
    assert not missing, f"stage {stage} imports these without depending on them: {missing}"


@pytest.mark.parametrize("stage", STAGES)
def test_what_the_command_reads_is_a_dependency_and_what_it_writes_an_output(stage: str) -> None:
    known = [*entries(stage, "deps"), *(out for key in ("outs", "metrics", "plots") for out in entries(stage, key))]
    for path in re.findall(r"--[a-z-]+ (\S*/\S*)", STAGES[stage]["cmd"]):
        assert any(entry == path or entry.startswith(path + "/") for entry in known), (
            f"{path} is neither dep nor output"
        )


@pytest.mark.parametrize("stage", STAGES)
def test_git_ignores_what_dvc_keeps_and_keeps_the_rest(stage: str) -> None:
    for key in ("outs", "metrics", "plots"):
        for entry in STAGES[stage].get(key, []):
            path, options = next(iter(entry.items())) if isinstance(entry, dict) else (entry, {})
            concrete = re.sub(r"\$\{[^}]*\}", "x", path)
            ignored = subprocess.run(["git", "check-ignore", "-q", concrete], cwd=ROOT).returncode == 0
            assert ignored == (options.get("cache", True)), f"{path}: .gitignore and `cache` disagree"


@pytest.mark.parametrize("stage", STAGES)
def test_no_plain_output_is_uncached(stage: str) -> None:
    """One such output keeps the stage out of DVC's run cache; metrics and plots may be uncached."""
    outs = [out for out in STAGES[stage].get("outs", []) if isinstance(out, dict)]
    assert all(options.get("cache", True) for out in outs for options in out.values())


@pytest.mark.parametrize("stage", STAGES)
def test_numbers_are_metrics_and_rows_are_plots(stage: str) -> None:
    """`dvc metrics diff`, `dvc exp show` and `dvc plots` know of nothing else."""
    for argument, key in (("metrics", "metrics"), ("plot", "plots")):
        for path in re.findall(rf"--{argument} (\S+)", STAGES[stage]["cmd"]):
            assert path in entries(stage, key)


def test_slurms_resources_are_those_of_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage is looked up by its name in dvc.yaml, also where several share a script."""
    monkeypatch.chdir(ROOT)
    names = set(yaml.safe_load((ROOT / "slurm/resources.yaml").read_text())) - {"default"}
    assert names <= STAGES.keys(), f"no stage is called {names - STAGES.keys()}"
    for stage in STAGES:
        jobs.resources(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_stages_that_share_a_script_request_the_same_of_slurm(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert {jobs.resources(other) for other in STAGES if script(other) == script(stage)} == {jobs.resources(stage)}


def test_an_algorithm_chosen_at_run_time_is_among_what_reft_train_reaches() -> None:
    """A forgotten dependency on GRPO's code would leave a stale model up to date."""
    reached = code_of(ROOT / "stages/reft_train.py")
    assert {
        "src/stepwise/rl/ppo_trainer.py",
        "src/stepwise/rl/grpo_rloo.py",
        "src/stepwise/rl/trl_rollouts.py",
    } <= reached


def test_a_task_chosen_at_run_time_is_among_what_prepare_tasks_reaches() -> None:
    assert "src/stepwise/tasks/word_sorting.py" in code_of(ROOT / "stages/prepare_tasks.py")
