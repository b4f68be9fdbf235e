"""README and docs: the map is the tree, links lead somewhere, quoted errors exist, and commands run."""

from __future__ import annotations

import ast
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
PAGES = ("README.md", "CONTRIBUTING.md", *(f"docs/{path.name}" for path in sorted((ROOT / "docs").glob("*.md"))))
MESSAGES = ("src", "requirements", "stages", "studies")
"""Where error messages are written."""

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
"""Commands that are not run here, and where they are instead."""


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


@pytest.mark.parametrize("page", PAGES)
def test_every_link_and_image_leads_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in target]
    missing = [target for target in targets if target and not ((ROOT / page).parent / target).exists()]
    assert not missing, f"{page} links to {missing}"


@pytest.mark.parametrize("page", PAGES)
def test_every_path_in_prose_exists(page: str) -> None:
    """Those in lower case; `stages/METHOD_VERB.py` stands for many."""
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    paths = re.findall(r"`((?:src|stages|studies|conf|slurm|requirements|benchmarks|tests)/[\w./-]*)`", text)
    missing = [path for path in paths if path.islower() and not (ROOT / path).exists()]
    assert not missing, f"{page} names {missing}"


def test_troubleshooting_quotes_messages_that_exist() -> None:
    sources = [path for folder in MESSAGES for path in (ROOT / folder).rglob("*.py")]
    messages = [text for path in sources for text in texts(path)]
    quoted = quotations()
    assert len(quoted) >= 10
    unknown = [quotation for quotation in quoted if not any(map(pattern(quotation).search, messages))]
    assert not unknown, f"no message in the source reads {unknown}"


def pattern(quotation: str) -> re.Pattern[str]:
    """A quoted message, with anything in place of its `...`."""
    return re.compile(".*".join(re.escape(part.strip()) for part in quotation.split("...")), re.DOTALL)


def quotations() -> list[str]:
    """The code spans in the first column of troubleshooting's tables."""
    lines = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8").splitlines()
    return [span for line in lines if line.startswith("| `") for span in re.findall(r"`([^`]+)`", line.split("|")[1])]


def texts(path: Path) -> list[str]:
    """Every string of a file, with each value in braces left out and module constants filled in."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    constants = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def text(part: ast.expr) -> str:
        if isinstance(part, ast.FormattedValue):
            return constants.get(part.value.id, "") if isinstance(part.value, ast.Name) else ""
        return str(part.value) if isinstance(part, ast.Constant) else ""

    nodes = list(ast.walk(tree))
    joined = ["".join(map(text, node.values)) for node in nodes if isinstance(node, ast.JoinedStr)]
    return joined + [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def test_scales_are_those_of_conf() -> None:
    scales = {path.stem for path in (ROOT / "conf" / "scale").glob("*.yaml")}
    assert set(re.findall(r"^\| `(\w+)` \|", README, flags=re.MULTILINE)) == scales


def test_elsewhere_names_only_commands_of_the_readme() -> None:
    assert set(ELSEWHERE) <= set(commands())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the pipeline leaves it, with a random model in the champion's place."""
    folder = tmp_path_factory.mktemp("project")
    for name in ("slurm", "metrics", "stages"):
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
    return {**kept, "PATH": path, "PYTHONPATH": str(ROOT / "src")}


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in commands() if command not in ELSEWHERE])
def test_the_readmes_commands_run(command: str, project: Path) -> None:
    result = subprocess.run(shlex.split(command), cwd=project, env=environment(project), capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    assert result.stdout.strip()


@pytest.mark.slow
def test_the_readmes_python_runs(project: Path) -> None:
    (code,) = blocks("python")
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=project, env=environment(project), capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
