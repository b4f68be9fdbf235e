"""Clones of the committed state in which the pipeline runs beside the working tree, without its outputs or cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def clone_of_head(folder: Path) -> Path:
    """A clone of HEAD at `folder`/clone. One that an earlier call made of the same HEAD is kept, with what it holds."""
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    if not (folder / head).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.check_call(["git", "clone", "--quiet", ".", str(folder / "clone")])
        (folder / head).touch()
    return folder / "clone"


def start(clone: Path, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
    """Start this Python in a clone with the clone's code and no tracking; `more` is added to the environment."""
    ours = {"PYTHONPATH": str((clone / "src").resolve()), "STEPWISE_TRACKING": "off"}
    return subprocess.Popen([sys.executable, *arguments], cwd=clone, env={**os.environ, **ours, **more})
