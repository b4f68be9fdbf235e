"""Slurm's commands as functions: submit, look up the state, cancel. No accounting database is needed."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from stepwise.errors import StepwiseError

PATIENCE = 60.0
"""Seconds that one Slurm command may take."""


class SlurmError(StepwiseError, RuntimeError):
    """Slurm refused or cannot be reached; the message has its answer."""


FAILED = {"BOOT_FAIL", "CANCELLED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "TIMEOUT"}
ENDED = FAILED | {"COMPLETED", "PREEMPTED"}


@dataclass(frozen=True)
class State:
    """A job as the queue shows it: `name` is Slurm's word (`PENDING`, `RUNNING`), `reason` why it waits."""

    name: str
    reason: str

    @property
    def failed(self) -> bool:
        """Whether the job has ended without success, and Slurm does not queue it again."""
        return self.name in FAILED

    @property
    def ended(self) -> bool:
        """Whether the job no longer runs, at least for now: one that was preempted may be queued again."""
        return self.name in ENDED


def submit(script: str) -> str:
    """Submit a job script given as text; returns the job's id. Raises SlurmError when Slurm refuses it."""
    answer = _call("sbatch", "--parsable", stdin=script).strip()
    job = answer.split(";")[0]
    if not job.isdigit():
        raise SlurmError(f"sbatch answered {answer!r} where a job id was expected")
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
        result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except FileNotFoundError as error:
        raise SlurmError(
            f"{command[0]} is not installed here; run on a Slurm login node or choose launcher=local"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise SlurmError(f"{command[0]} did not answer within {PATIENCE:.0f} s") from error
    if result.returncode != 0:
        cause = " ".join((result.stderr or result.stdout).split()) or f"exit status {result.returncode}"
        raise SlurmError(f"{command[0]} failed: {cause}")
    return result.stdout
