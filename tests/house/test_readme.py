"""The README's map is the tree, and its commands run."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")

ELSEWHERE = {
    "make repro": "tests/smoke runs the pipeline",
    "make test": "this is it",
    "make ui": "serves until it is stopped",
    "dvc exp run -S warm_up.learning_rate=5e-4": "tests/smoke runs an experiment",
    "make experiments": "tests/smoke",
    "dvc metrics diff": "tests/smoke",
    "make studies": "trains for minutes; its stages are tested as those of the pipeline",
    'make seeds SEEDS="101 102 103" TASKS="word_problems word_problems_text"': "trains for half an hour",
    'make bench BENCHMARKS="scoring"': "measures for minutes",
    "make data": "fetches from the data sets' own addresses",
    **{
        line: "needs the real data"
        for line in README.splitlines()
        if line.startswith("STEPWISE_DATA=/path/to/data dvc exp")
    },
    "dvc exp run -S launcher=slurm": "needs Slurm; tests/launcher",
}
"""Commands that are not run here, and where they are."""


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line for block in blocks("bash") for line in block.splitlines() if line and not line.startswith("#")]


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


def names(block: str) -> set[str]:
    return {line.split()[0].rstrip("/") for line in block.splitlines() if line.strip()}


def test_the_map_of_the_repository_is_the_tree() -> None:
    assert names(blocks("text")[0]) - {"src/stepwise"} == {name.split("/")[0] for name in tracked()} - {"src"}


def test_the_map_of_the_library_is_the_tree() -> None:
    below = {name.split("/")[2] for name in tracked() if name.startswith("src/stepwise/")}
    assert names(blocks("text")[1]) - {"src/stepwise"} == below - {"__init__.py", "__main__.py"}


def test_scales_are_those_of_conf() -> None:
    scales = {path.stem for path in (ROOT / "conf" / "scale").glob("*.yaml")}
    assert set(re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE)) == scales


def test_elsewhere_names_only_commands_of_the_readme() -> None:
    assert set(ELSEWHERE) <= set(commands())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the pipeline leaves it, with a random model in the champion's place."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("slurm", "metrics"):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "params.yaml", folder)
    program = Path(__file__).with_name("readme_project.py")
    subprocess.run([sys.executable, program], cwd=folder, env=environment(folder), check=True)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """The environment of the README's reader: this Python first on the path, the folder as the repository."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("MLFLOW_", "DVC_", "STEPWISE_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT / "src"), "DVC_ROOT": str(folder)}


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in commands() if one not in ELSEWHERE])
def test_the_readmes_commands_run(command: str, project: Path) -> None:
    done = subprocess.run(shlex.split(command), cwd=project, env=environment(project), capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert done.stdout.strip()


@pytest.mark.slow
def test_the_readmes_python_runs(project: Path) -> None:
    (code,) = blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=environment(project), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
