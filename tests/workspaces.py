"""A folder in which a stage of the repository runs as a separate process, with a test's own parameters and data."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepwise.params.compose import compose

REPO = Path(__file__).resolve().parents[1]


def make_workspace(folder: Path, overrides: Sequence[str]) -> Path:
    """The folder with links to the repository's code and models, and the smoke scale's parameters with overrides."""
    for name in ("src", "stages", "checkpoints"):
        (folder / name).symlink_to(REPO / name)
    (folder / "params.yaml").write_text(compose(["scale=smoke", *overrides], REPO / "conf"))
    return folder


def start(workspace: Path, *arguments: str, **pipes: Any) -> subprocess.Popen[str]:
    """Start Python there; stdout carries both streams unless `pipes` says otherwise."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STEPWISE_")}
    own = {"PYTHONPATH": str(REPO / "src"), "OMP_NUM_THREADS": "1", "STEPWISE_TRACKING": "off"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **pipes}
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, cwd=workspace, env={**inherited, **own}, text=True, **pipes)


def run(workspace: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and output."""
    process = start(workspace, *arguments)
    output, _ = process.communicate()
    return process.returncode, output
