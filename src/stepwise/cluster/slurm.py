"""Slurm's commands as functions: submit, ask for the state, cancel. No accounting database is needed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from stepwise.errors import StepwiseError

PATIENCE = 60.0
"""Seconds that one Slurm command may take."""


class SlurmError(StepwiseError, RuntimeError):
    """Slurm refused or cannot be reached; the message carries what it said."""


@dataclass(frozen=True)
class State:
    """A job as the queue shows it: `name` is Slurm's word (`PENDING`, `RUNNING`), `reason` why it waits."""

    name: str
    reason: str


def submit(script: str) -> str:
    """Submit a job script given as text; returns the job's id. Raises SlurmError when Slurm refuses it."""
    said = _call("sbatch", "--parsable", stdin=script)
    job = said.strip().split(";")[0]
    if not job.isdigit():
        raise SlurmError(f"sbatch answered {said.strip()!r} where a job id was expected")
    return job


def find(name: str) -> str | None:
    """The id of the caller's queued or running job of that name, or None."""
    lines = _call("squeue", "--noheader", "--me", f"--name={name}", "--format=%i").split()
    return lines[0] if lines else None


def state(job: str) -> State | None:
    """The job's state in the queue; None when it has left the queue. Raises SlurmError when Slurm does not answer."""
    try:
        line = _call("squeue", "--noheader", f"--jobs={job}", "--states=all", "--format=%T|%r").strip()
    except SlurmError as error:
        if "Invalid job id" in str(error):
            return None
        raise
    if not line:
        return None
    name, _, reason = line.splitlines()[0].partition("|")
    return State(name, "" if reason == "None" else reason)


def describe(job: str) -> str:
    """How the job ended, as far as the controller still knows: `JobState=... Reason=... ExitCode=...`."""
    try:
        words = _call("scontrol", "show", "job", job).split()
    except SlurmError:
        return "the controller has forgotten it"
    return " ".join(word for word in words if word.startswith(("JobState=", "Reason=", "ExitCode=")))


def cancel(job: str) -> None:
    """Cancel a job. Raises SlurmError when Slurm refuses."""
    _call("scancel", job)


def _call(*command: str, stdin: str | None = None) -> str:
    try:
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except FileNotFoundError as error:
        raise SlurmError(
            f"{command[0]} is not installed here; run on a Slurm login node or choose launcher=local"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise SlurmError(f"{command[0]} did not answer within {PATIENCE:.0f} s") from error
    if done.returncode != 0:
        said = " ".join((done.stderr or done.stdout).split()) or f"exit status {done.returncode}"
        raise SlurmError(f"{command[0]} failed: {said}")
    return done.stdout
