"""docs/studies.md lists every study, and each explains itself without doing any work."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
STUDIES = sorted(path.stem for path in (ROOT / "studies").glob("*.py"))
PAGE = (ROOT / "docs" / "studies.md").read_text(encoding="utf-8")
TABLE = [line.strip("|").split("|") for line in PAGE.splitlines() if line.startswith("|")]
ROWS = [[cell.strip() for cell in cells] for cells in TABLE[2:]]

ALL_HELP = """
import runpy, sys
for name in sys.argv[1:]:
    sys.argv = [name, "--help"]
    try:
        runpy.run_module(f"studies.{name}", run_name="__main__")
    except SystemExit as end:
        assert not end.code, (name, end.code)
    else:
        raise AssertionError(f"studies.{name} ignores --help")
"""


def test_the_table_lists_every_study() -> None:
    stages = yaml.safe_load((ROOT / "studies" / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    names = [row[0] for row in ROWS]
    assert sorted(names) == sorted([*STUDIES, *(f"{stage} (`make studies`)" for stage in stages)])


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_study_has_a_question_a_cost_and_committed_output(row: list[str]) -> None:
    _, question, cost, output = row
    assert question.endswith("?")
    assert cost
    paths = re.findall(r"`([^`]+)`", output)
    assert paths
    for path in paths:
        assert (ROOT / "studies" / path).exists(), path


@pytest.mark.parametrize("name", STUDIES)
def test_a_docstring_shows_the_command(name: str) -> None:
    text = (ROOT / "studies" / f"{name}.py").read_text(encoding="utf-8")
    assert f"python -m studies.{name}" in text or f"make {name}" in text
    assert f"benchmarks.{name}" not in text


@pytest.mark.slow
def test_help_starts_no_work(tmp_path: Path) -> None:
    """All in one process, in an empty folder: no parameters, no models, nothing to read or to leave behind."""
    environment = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "HOME": str(tmp_path / "home"), "COLUMNS": "120"}
    folder = tmp_path / "empty"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", ALL_HELP, *STUDIES], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("usage: ") == len(STUDIES)
    assert not list(folder.iterdir())
