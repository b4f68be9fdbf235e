"""A clone of the working tree as a project of its own."""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Project:
    """A repository of its own; its commands take this Python and the clone's code."""

    folder: Path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DVC_", "MLFLOW_", "STEPWISE_", "MAKE", "PYTHONDONTWRITEBYTECODE"))
        }
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        ours = {"PATH": path, "PYTHONPATH": str(self.folder / "src"), "OMP_NUM_THREADS": "1"}
        return {**kept, **ours, **more}

    def start(self, *command: str, own_group: bool = False, **more: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=own_group,
        )

    def run(self, *command: str, fails: bool = False, **more: str) -> str:
        """Run a command to its end and return its output."""
        process = self.start(*command, **more)
        output, _ = process.communicate(timeout=1500)
        assert (process.returncode != 0) == fails, f"{' '.join(command)}: exit {process.returncode}\n{output}"
        return output

    def make_repro(self, **more: str) -> str:
        return self.run("python", "-m", "stepwise.pipeline.repro", "--scale", "smoke", **more)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run(
            "git",
            "-c",
            "user.name=smoke",
            "-c",
            "user.email=smoke@localhost",
            "commit",
            "--allow-empty",
            "-qm",
            message,
        )


def stages_run(output: str) -> list[str]:
    """The stages that a run has not found up to date, as dvc.lock names them, in their order."""
    return re.findall(r"Running stage '([^']+)'", output)


def core_seconds() -> float:
    """Processor time of this process's finished children: what a run costs, however busy the machine is."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def clone(source: Path, folder: Path) -> Project:
    """A clone of a repository's HEAD with its uncommitted changes, committed there."""
    subprocess.run(["git", "clone", "-q", str(source), str(folder)], check=True)
    listing = ["git", "ls-files", "--modified", "--others", "--deleted", "--exclude-standard"]
    changed = subprocess.run(listing, cwd=source, capture_output=True, text=True, check=True).stdout.split("\n")
    for name in filter(None, changed):
        if (source / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    project = Project(folder)
    if any(changed):
        project.commit("Uncommitted changes")
    return project
