"""Puts the scripted Slurm of fake_cluster.py on the path."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parents[2]


def install(folder: Path, project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the project the job template and this process the cluster; returns the cluster's folder."""
    home, tools = folder / "cluster", folder / "bin"
    home.mkdir()
    tools.mkdir()
    source = (Path(__file__).parent / "fake_cluster.py").read_text()
    for name in ("sbatch", "squeue", "scontrol", "scancel"):
        (tools / name).write_text(f"#!{sys.executable} -S\n{source}")
        (tools / name).chmod(0o755)
    shutil.copytree(REPO / "slurm", project / "slurm")
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("FAKE_CLUSTER", str(home))
    for name in ("STEPWISE_JOB", "DVC_STAGE"):
        monkeypatch.delenv(name, raising=False)
    return home
