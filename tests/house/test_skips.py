"""A test that needs what the machine lacks is skipped and named; with --no-skips, it fails the run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROCESSES = ("0", "2")
"""Numbers of xdist's processes: none, and as in `make test`."""


def run(folder: Path, mark: str, *options: str, data: Path | None = None) -> tuple[int, str]:
    """Exit code and output of a run of two tests: one passes, the other has the mark and fails where it runs."""
    tests = f"import pytest\n\n\ndef test_passes(): pass\n\n\n@pytest.mark.{mark}\ndef test_fails(): assert False\n"
    (folder / "test_two.py").write_text(tests, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "STEPWISE_"))}
    if data is not None:
        environment["STEPWISE_DATA"] = str(data)
    command = [sys.executable, "-m", "pytest", "-c", ROOT / "pyproject.toml", "-p", "tests.conftest"]
    command += ["-p", "no:cacheprovider", *options, folder / "test_two.py"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("processes", PROCESSES)
def test_what_is_lacking_skips_a_test_and_is_named(tmp_path, processes):
    code, output = run(tmp_path, "data", "-n", processes)
    assert code == 0, output
    assert "1 passed, 1 skipped" in output
    assert "set STEPWISE_DATA to the folder of the real data sets" in output


@pytest.mark.parametrize("processes", PROCESSES)
def test_what_is_there_makes_a_test_run(tmp_path, processes):
    code, output = run(tmp_path, "data", "-n", processes, data=tmp_path)
    assert code == 1, output
    assert "1 failed, 1 passed" in output


@pytest.mark.parametrize("processes", PROCESSES)
def test_no_skips_makes_a_skipped_test_a_failure(tmp_path, processes):
    code, output = run(tmp_path, "data", "-n", processes, "--no-skips")
    assert code == 1, output
    assert "these count as failures" in output


@pytest.mark.parametrize("processes", PROCESSES)
def test_no_skips_passes_where_nothing_is_skipped(tmp_path, processes):
    code, output = run(tmp_path, "data", "-n", processes, "--no-skips", "-k", "test_passes")
    assert code == 0, output
