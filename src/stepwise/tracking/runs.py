"""What one execution of a stage did, as a journal file that outlives any tracking server."""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwise.errors import StepwiseError
from stepwise.records import write_json
from stepwise.tracking import provenance
from stepwise.tracking.registry import Registration

OUTPUTS = ("out", "metrics", "plot")
"""Names of a stage's arguments that are written, not read."""


class RunError(StepwiseError, ValueError):
    """A journal file that cannot be read; the message names it and the remedy."""


@dataclass
class StageRun:
    """What one execution of a stage did; `record` completes and keeps it."""

    stage: str
    """Its name in dvc.yaml."""
    key: str
    """Hash of what decides the result: parameters, arguments, inputs and code."""
    arguments: dict[str, str]
    params: dict[str, Any]
    scale: str
    started: float
    """Unix time in seconds."""
    ended: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    history: list[dict[str, float]] = field(default_factory=list)
    """Learning curve: rows with a `step` and any numbers."""
    inputs: list[str] = field(default_factory=list)
    """Data that is read but not named by an argument, as paths that DVC knows."""
    registration: Registration | None = None
    """The model to put into the registry."""
    commit: str = ""
    dirty: bool = False
    """Whether committed code differs from that commit."""
    lock: str = ""
    """md5 of dvc.lock when the stage ended."""
    data: dict[str, str] = field(default_factory=dict)
    """DVC's hash of each input."""
    experiment: str = ""
    machine: dict[str, str] = field(default_factory=dict)
    script: str = ""

    @property
    def run_key(self) -> str:
        """The same for the same stage, inputs and commit: the run's name in the journal and its tag in MLflow."""
        return f"{self.stage}-{self.key}-{self.commit[:12] or 'uncommitted'}"

    @property
    def title(self) -> str:
        """Stage and the arguments that are names, not paths."""
        return " ".join([self.stage, *(value for value in self.arguments.values() if "/" not in value)])

    def complete(self) -> None:
        """Fill in where the result comes from: commit, data versions, machine, the registered model's hash."""
        where = provenance.root()
        self.commit, self.dirty = provenance.code_state(where)
        lock = where / "dvc.lock"
        self.lock = provenance.dvc_md5(lock) if lock.is_file() else ""
        read = [value for name, value in self.arguments.items() if name not in OUTPUTS]
        self.data = provenance.data_versions([*read, *self.inputs], where)
        self.experiment = os.environ.get("DVC_EXP_NAME", "")
        self.machine = provenance.machine()
        if self.registration and not self.registration.md5:
            md5 = provenance.dvc_md5(where / self.registration.folder)
            self.registration = dataclasses.replace(self.registration, md5=md5)

    def write(self) -> Path:
        """Write the journal file and return its path."""
        path = journals() / f"{self.run_key}.json"
        write_json(path, dataclasses.asdict(self))
        return path


def journals() -> Path:
    """The folder of journal files."""
    return provenance.home() / ".work" / "tracking"


def read_journal(path: Path) -> StageRun:
    """The run of a journal file. Raises RunError when the file is broken."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        model = row.pop("registration")
        return StageRun(**row, registration=Registration(**model) if model else None)
    except (ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} is not a run's journal ({error}); remove it and run its stage again") from error
