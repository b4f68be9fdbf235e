"""Runs a stage as a Slurm job that is submitted once, followed, and found again by a launcher that starts over.

`python -m stepwise.cluster.launcher --dry-run STAGE` prints the job script of a stage.
"""

from __future__ import annotations

import argparse
import codecs
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

from stepwise.cluster import slurm
from stepwise.cluster.jobs import Job, resources, script
from stepwise.cluster.slurm import SlurmError
from stepwise.params import LauncherParams
from stepwise.records import new_file

CODE_DEADLINE = 60.0
"""Seconds that a shared file system may take to show the exit code of a job that has left the queue."""
SILENCE_DEADLINE = 600.0
"""Seconds that Slurm's controller may be unreachable while a job is followed."""
CANCEL_WINDOW = 3.0
"""Seconds after Ctrl-C in which a second one also cancels the job."""
FOLDER = "STEPWISE_JOB"
"""Environment variable: the folder of the job that the process runs in."""


def submitted_record() -> str | None:
    """The record of the job that this process runs in; None outside a job."""
    folder = os.environ.get(FOLDER)
    return (Path(folder) / "record").read_text(encoding="utf-8") if folder else None


def launch(job: Job, params: LauncherParams, before_collecting: Callable[[], None] = lambda: None) -> int:
    """Run a job and return its exit code; its log goes to stderr.

    It is submitted, or found again if the same work is already queued, running or done. `before_collecting` may raise
    when the job has succeeded; its outputs then stay for the next run. Raises SlurmError when Slurm refuses or does not
    answer.
    """
    number = _attach(job, params)
    try:
        code = _follow(number, job.folder, params.poll_seconds)
    except KeyboardInterrupt:
        _detach(number)
        return 130
    if code == 0:
        before_collecting()
    _collect(job, code)
    return code


def _attach(job: Job, params: LauncherParams) -> str:
    """The id of the job that does this work: an existing one if there is one, else a new one."""
    job.folder.mkdir(parents=True, exist_ok=True)
    id_file, log = job.folder / "job", job.folder / "log"
    with FileLock(job.folder / "lock", timeout=slurm.PATIENCE):
        number = id_file.read_text().strip() if id_file.is_file() else slurm.find(job.name)
        if number and ((job.folder / "code").is_file() or _is_alive(number)):
            _print(f"{job.stage}: re-attached to job {number}; its log: {log}")
        else:
            for stale in (log, job.folder / "code"):
                stale.unlink(missing_ok=True)
            with new_file(job.folder / "record") as record:
                record.write(job.record)
            number = slurm.submit(script(job, resources(job.stage), params))
            _print(f"{job.stage}: submitted job {number}; its log: {log}")
        id_file.write_text(number + "\n")
    return number


def _is_alive(number: str) -> bool:
    state = slurm.state(number)
    return state is not None and not state.ended


def _follow(number: str, folder: Path, poll: float) -> int:
    """Copy the job's log to stderr until its exit code is there."""
    tail, shown = _Tail(folder / "log"), None
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
        if state is not None and state != shown and not state.ended:
            _print(f"job {number}: {state.name.lower()}" + (f" ({state.reason})" if state.reason else ""))
        shown = state
        ended = (ended or time.monotonic()) if state is None or state.ended else None
        if ended and time.monotonic() - ended > CODE_DEADLINE:
            raise SlurmError(
                f"job {number} left the queue but its exit code did not come within {CODE_DEADLINE:.0f} s "
                f"({slurm.describe(number)}); its log: {folder / 'log'}"
            )
        time.sleep(min(poll, 1.0) if ended else poll)


def _collect(job: Job, code: int) -> None:
    """Put outputs that the job has kept where they belong, and forget the job; its log stays."""
    kept = job.folder / "outs"
    for out in job.outs if code == 0 else ():
        if not out.exists() and (kept / out).exists():
            out.parent.mkdir(parents=True, exist_ok=True)
            (kept / out).replace(out)
    shutil.rmtree(kept, ignore_errors=True)
    for name in ("job", "code"):
        (job.folder / name).unlink(missing_ok=True)


def _detach(number: str) -> None:
    _print(f"job {number} keeps running; run again to re-attach. Ctrl-C within {CANCEL_WINDOW:.0f} s cancels it")
    try:
        time.sleep(CANCEL_WINDOW)
    except KeyboardInterrupt:
        slurm.cancel(number)
        _print(f"job {number} is cancelled")


class _Tail:
    """Copies what is new in a growing log to stderr."""

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


def _print(text: str) -> None:
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
    if not arguments.command and not Path(command[1]).is_file():
        parser.error(f"there is no {command[1]}: give the stage's command after --, as dvc.yaml has it")
    job = Job(arguments.stage, tuple(command), key="dry-run")
    sys.stdout.write(script(job, resources(arguments.stage), LauncherParams(kind="slurm")))


if __name__ == "__main__":
    main()
