"""Where a stage runs: here, or as a Slurm job that is submitted once, followed, and found again when cut off.

`python -m stepwise.cluster.launcher --dry-run STAGE` prints the job script of a stage.
"""

from __future__ import annotations

import argparse
import codecs
import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import yaml
from filelock import FileLock
from pydantic import Field, ValidationError

from stepwise.cluster import slurm
from stepwise.cluster.slurm import SlurmError
from stepwise.params import Count, LauncherParams, ParamsError, Positive, Section

TEMPLATE = Path("slurm/job.sh")
RESOURCES = Path("slurm/resources.yaml")
JOBS = Path(".work/slurm")
ENDED = {
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "TIMEOUT",
}
CODE_DEADLINE = 60.0
"""Seconds that a shared file system may take to show the exit code of a job that has left the queue."""
SILENCE_DEADLINE = 600.0
"""Seconds that Slurm's controller may be away while a job is followed."""
SECOND_THOUGHT = 3.0
"""Seconds after Ctrl-C in which a second one also cancels the job."""


class Resources(Section):
    """What a stage asks for (slurm/resources.yaml)."""

    gpus: Count
    cpus: Positive
    memory: Annotated[str, Field(pattern=r"^\d+[KMGT]$")]
    time: Annotated[str, Field(pattern=r"^(\d+-)?\d\d:\d\d:\d\d$")]
    restarts: Count


@dataclass(frozen=True)
class Job:
    """A stage's command as a job. `key` is a hash of all that decides the result: one key, one job at a time."""

    stage: str
    command: tuple[str, ...]
    key: str
    outs: tuple[Path, ...] = ()

    @property
    def name(self) -> str:
        """The name by which Slurm's queue is searched for it; it tells two checkouts apart."""
        here = hashlib.sha256(os.fsencode(Path.cwd())).hexdigest()[:8]
        return f"stepwise-{self.stage}-{self.key}-{here}"

    @property
    def folder(self) -> Path:
        """Its log, its id, its exit code and, between end and collection, links to its outputs."""
        return JOBS / f"{self.stage}-{self.key}"


def inside_job() -> bool:
    """Whether this process already runs in a job that the launcher submitted."""
    return os.environ.get("STEPWISE_JOB") == "1"


def launch(
    stage: str, command: Sequence[str], params: LauncherParams, *, key: str = "", outs: Sequence[str | Path] = ()
) -> int:
    """Run a stage's command where `params` says and return its exit code.

    On Slurm the job is submitted, or found again if this very work is already queued, running or done, and its log goes
    to stderr. `key` is a hash of all that decides the result (without it: of the command and params.yaml); `outs` are
    the files that a job which ended unwatched keeps for its rerun. Raises SlurmError when Slurm refuses or is silent.
    """
    if params.kind == "local":
        return subprocess.call(list(command))
    job = Job(stage, tuple(command), key or _key(command), tuple(map(Path, outs)))
    number = _attach(job, params)
    try:
        code = _follow(number, job.folder, params.poll_seconds)
    except KeyboardInterrupt:
        _detach(number)
        return 130
    _collect(job, code)
    return code


def script(job: Job, resources: Resources, params: LauncherParams) -> str:
    """The job script: slurm/job.sh with its names filled in."""
    options = {
        "gres": f"gpu:{resources.gpus}" if resources.gpus else "",
        "partition": params.partition,
        "account": params.account,
    }
    values = {
        "NAME": job.name,
        "ROOT": shlex.quote(str(Path.cwd())),
        "FOLDER": str(job.folder),
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
    """What `stage` asks for: the default entry of slurm/resources.yaml with the stage's own laid over it."""
    table = yaml.safe_load(RESOURCES.read_text(encoding="utf-8"))
    try:
        return Resources.model_validate({**table["default"], **table.get(stage, {})})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise ParamsError(f"{RESOURCES}: {stage}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _key(command: Sequence[str]) -> str:
    params = Path("params.yaml")
    text = params.read_text(encoding="utf-8") if params.is_file() else ""
    return hashlib.sha256(json.dumps([list(command), text]).encode()).hexdigest()[:16]


def _attach(job: Job, params: LauncherParams) -> str:
    """The id of the job that does this work: the one already there, else a new one."""
    job.folder.mkdir(parents=True, exist_ok=True)
    record, log = job.folder / "job", job.folder / "log"
    with FileLock(job.folder / "lock", timeout=slurm.PATIENCE):
        known = record.read_text().strip() if record.is_file() else slurm.find(job.name)
        if known and ((job.folder / "code").is_file() or _alive(known)):
            _say(f"{job.stage}: re-attached to job {known}; its log: {log}")
        else:
            for stale in (log, job.folder / "code"):
                stale.unlink(missing_ok=True)
            known = slurm.submit(script(job, resources(job.stage), params))
            _say(f"{job.stage}: submitted job {known}; its log: {log}")
        record.write_text(known + "\n")
    return known


def _alive(number: str) -> bool:
    state = slurm.state(number)
    return state is not None and state.name not in ENDED


def _follow(number: str, folder: Path, poll: float) -> int:
    """Copy the job's log to stderr until its exit code is there."""
    tail, seen = _Tail(folder / "log"), None
    ended = silent = None
    while True:
        finished = (folder / "code").is_file()
        tail.copy()
        if finished:
            return int((folder / "code").read_text())
        try:
            state = slurm.state(number)
            silent = None
        except SlurmError as error:
            silent = silent or time.monotonic()
            if time.monotonic() - silent > SILENCE_DEADLINE:
                raise SlurmError(
                    f"no answer about job {number} for {SILENCE_DEADLINE:.0f} s ({error}); run again to re-attach"
                ) from error
            time.sleep(poll)
            continue
        if state is not None and state != seen and state.name not in ENDED:
            _say(f"job {number}: {state.name.lower()}" + (f" ({state.reason})" if state.reason else ""))
        seen = state
        ended = (ended or time.monotonic()) if state is None or state.name in ENDED else None
        if ended and time.monotonic() - ended > CODE_DEADLINE:
            raise SlurmError(
                f"job {number} left the queue but its exit code did not come within {CODE_DEADLINE:.0f} s "
                f"({slurm.describe(number)}); its log: {folder / 'log'}"
            )
        time.sleep(min(poll, 1.0) if ended else poll)


def _collect(job: Job, code: int) -> None:
    """Put outputs that waited for us where they belong and forget the job; its log stays."""
    kept = job.folder / "outs"
    for out in job.outs if code == 0 else ():
        if not out.exists() and (kept / out).exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            (kept / out).replace(out)
    shutil.rmtree(kept, ignore_errors=True)
    for done in ("job", "code"):
        (job.folder / done).unlink(missing_ok=True)


def _detach(number: str) -> None:
    _say(f"job {number} goes on; run again to re-attach. Ctrl-C within {SECOND_THOUGHT:.0f} s cancels it")
    try:
        time.sleep(SECOND_THOUGHT)
    except KeyboardInterrupt:
        slurm.cancel(number)
        _say(f"job {number} is cancelled")


class _Tail:
    """Copies what is new in a growing log to stderr. A byte offset remembers where it was."""

    def __init__(self, path: Path) -> None:
        self.path, self.offset, self.decoder = path, 0, codecs.getincrementaldecoder("utf-8")(errors="replace")

    def copy(self) -> None:
        if self.path.is_file():
            with self.path.open("rb") as log:
                log.seek(self.offset)
                new = log.read()
            self.offset += len(new)
            sys.stderr.write(self.decoder.decode(new))
            sys.stderr.flush()


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def main() -> None:
    """`python -m stepwise.cluster.launcher --dry-run STAGE [-- COMMAND ...]`: print the job script."""
    parser = argparse.ArgumentParser(
        prog="python -m stepwise.cluster.launcher", description="Print the Slurm job script of a stage."
    )
    parser.add_argument("stage", help="a stage's name, for instance warm_up")
    parser.add_argument("command", nargs="*", help="its command; by default python stages/STAGE.py")
    parser.add_argument("--dry-run", action="store_true", required=True, help="print the script, submit nothing")
    arguments = parser.parse_args()
    command = arguments.command or ["python", f"stages/{arguments.stage}.py"]
    job = Job(arguments.stage, tuple(command), _key(command))
    sys.stdout.write(script(job, resources(arguments.stage), LauncherParams(kind="slurm")))


if __name__ == "__main__":
    main()
