"""Clones of HEAD, in which the pipeline can run without touching the working tree, its outputs or its cache."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path


def clone_of_head(folder: Path) -> Path:
    """A clone of HEAD at `folder`/clone. A clone of the same HEAD from an earlier call is reused with its contents."""
    head = subprocess.check_output(["git", "rev-parse", "HEAD"], text=True).strip()
    if not (folder / head).is_file():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        subprocess.check_call(["git", "clone", "--quiet", ".", str(folder / "clone")])
        (folder / head).touch()
    return folder / "clone"


def start(clone: Path, *arguments: str, **more: str) -> subprocess.Popen[bytes]:
    """Start this Python in a clone, with the clone's code and without tracking; `more` is added to the environment."""
    environment = {**os.environ, "PYTHONPATH": str((clone / "src").resolve()), "STEPWISE_TRACKING": "off", **more}
    return subprocess.Popen([sys.executable, *arguments], cwd=clone, env=environment)
