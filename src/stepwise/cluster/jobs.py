"""A stage as a Slurm job: the resources it needs and its script, which is slurm/job.sh with the names filled in."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from stepwise.params import Count, LauncherParams, ParamsError, Positive, Section
from stepwise.params.base import read_yaml

TEMPLATE = Path("slurm/job.sh")
RESOURCES = Path("slurm/resources.yaml")
JOBS = Path(".work/slurm")


class Resources(Section):
    """What a stage needs (slurm/resources.yaml)."""

    gpus: Count
    cpus: Positive
    memory: Annotated[str, Field(pattern=r"^\d+[KMGT]$")]
    time: Annotated[str, Field(pattern=r"^(\d+-)?\d\d:\d\d:\d\d$")]
    restarts: Count


@dataclass(frozen=True)
class Job:
    """A stage's command as a job. `key` is a hash of everything that decides the result: one key, one job at a time."""

    stage: str
    command: tuple[str, ...]
    key: str
    outs: tuple[Path, ...] = ()
    """Outputs that a job which ends unwatched keeps for the next run."""
    record: str = ""
    """What the key is a hash of; the job compares it with what it finds when it starts."""

    @property
    def name(self) -> str:
        """Its name in Slurm's queue, where it is searched for; different in every checkout."""
        here = hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:8]
        return f"stepwise-{self.stage}-{self.key}-{here}"

    @property
    def folder(self) -> Path:
        """Its record, log, id and exit code and, between its end and its collection, links to its outputs."""
        return JOBS / f"{self.stage}-{self.key}"


def script(job: Job, resources: Resources, params: LauncherParams) -> str:
    """The job script."""
    options = {
        "gres": f"gpu:{resources.gpus}" if resources.gpus else "",
        "partition": params.partition,
        "account": params.account,
    }
    values = {
        "NAME": job.name,
        "ROOT": shlex.quote(str(Path.cwd())),
        "FOLDER": str(job.folder),
        "STAGE": job.stage,
        "CPUS": str(resources.cpus),
        "MEMORY": resources.memory,
        "TIME": resources.time,
        "RESTARTS": str(resources.restarts),
        "OPTIONS": "\n".join(f"#SBATCH --{name}={value}" for name, value in options.items() if value) or "#",
        "COMMAND": shlex.join(job.command),
        "OUTS": shlex.join(map(str, job.outs)),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text


def resources(stage: str) -> Resources:
    """What `stage` needs: its own entry in slurm/resources.yaml on top of the default one."""
    entries: Mapping[str, Mapping[str, object]] = read_yaml(RESOURCES)
    try:
        return Resources.model_validate({**entries["default"], **entries.get(stage, {})})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ParamsError(f"{RESOURCES}: {stage}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
