"""A folder in which a stage of the repository runs as a process of its own, with parameters and data of a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepwise.params.compose import compose

REPO = Path(__file__).resolve().parents[3]


def make_room(folder: Path, overrides: Sequence[str]) -> Path:
    """The folder with the repository's code and models and the parameters of the smoke scale with some changed."""
    for name in ("src", "stages", "checkpoints"):
        (folder / name).symlink_to(REPO / name)
    (folder / "params.yaml").write_text(compose(["scale=smoke", *overrides], REPO / "conf"))
    return folder


def start(room: Path, *arguments: str, **pipes: Any) -> subprocess.Popen[str]:
    """Start Python there; what it says on both streams is read from stdout unless `pipes` says otherwise."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STEPWISE_")}
    ours = {"PYTHONPATH": str(REPO / "src"), "OMP_NUM_THREADS": "1", "STEPWISE_TRACKING": "off"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, **pipes}
    return subprocess.Popen([sys.executable, *arguments], cwd=room, env={**kept, **ours}, text=True, **pipes)


def run(room: Path, *arguments: str) -> tuple[int, str]:
    """Exit code and what was said."""
    process = start(room, *arguments)
    said, _ = process.communicate()
    return process.returncode, said
