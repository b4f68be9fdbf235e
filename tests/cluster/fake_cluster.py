"""A Slurm cluster of one folder: sbatch, squeue, scontrol and scancel are this one script called by those names."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(os.environ["FAKE_CLUSTER"])


def sbatch(arguments: list[str]) -> None:
    if (HOME / "refuse").exists():
        sys.exit("sbatch: error: Batch job submission failed: Invalid account or partition")
    number = str(100 + sum(1 for entry in HOME.iterdir() if entry.name.isdigit()))
    job = HOME / number
    job.mkdir()
    (job / "script").write_text(sys.stdin.read())
    (job / "state").write_text("PENDING")
    subprocess.Popen(
        [sys.executable, __file__, "run", number],
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    print(number)


def run(arguments: list[str]) -> None:
    job = HOME / arguments[0]
    while (HOME / "full").exists():
        time.sleep(0.05)
    for restart in range(10):
        with open(option(job, "output"), "ab") as log:
            environment = {**os.environ, "SLURM_JOB_ID": job.name, "SLURM_RESTART_COUNT": str(restart)}
            batch = subprocess.Popen(["bash", str(job / "script")], stdout=log, stderr=log, env=environment)
            (job / "pid").write_text(str(batch.pid))
            (job / "state").write_text("RUNNING")
            code = batch.wait()
        if not (job / "requeue").exists():
            (job / "state").write_text("FAILED" if code else "COMPLETED")
            return
        (job / "requeue").unlink()
        (job / "state").write_text("PENDING")
        time.sleep(0.2)


def option(job: Path, name: str) -> str:
    lines = (job / "script").read_text().splitlines()
    return next(line.partition("=")[2] for line in lines if line.startswith(f"#SBATCH --{name}="))


def squeue(arguments: list[str]) -> None:
    if (HOME / "away").exists():
        sys.exit("slurm_load_jobs error: Unable to contact slurm controller (connect failure)")
    given = dict(argument.lstrip("-").partition("=")[::2] for argument in arguments)
    if "jobs" in given:
        state = HOME / given["jobs"] / "state"
        if not state.exists():
            sys.exit("slurm_load_jobs error: Invalid job id specified")
        print(state.read_text() + "|None")
        return
    for job in (entry for entry in HOME.iterdir() if entry.name.isdigit()):
        if option(job, "job-name") == given["name"] and (job / "state").read_text() in ("PENDING", "RUNNING"):
            print(job.name)


def scontrol(arguments: list[str]) -> None:
    if arguments[0] == "requeue":
        (HOME / arguments[1] / "requeue").touch()
    else:
        state = (HOME / arguments[2] / "state").read_text()
        print(f"JobId={arguments[2]} JobName=x\n   JobState={state} Reason=None Dependency=(null)\n   ExitCode=0:9")


def scancel(arguments: list[str]) -> None:
    job = HOME / arguments[0]
    (job / "state").write_text("CANCELLED")
    os.killpg(os.getpgid(int((job / "pid").read_text())), signal.SIGKILL)


if __name__ == "__main__":
    name = Path(sys.argv[0]).name
    commands = {"sbatch": sbatch, "squeue": squeue, "scontrol": scontrol, "scancel": scancel}
    if sys.argv[1:2] == ["run"]:
        run(sys.argv[2:])
    else:
        commands[name](sys.argv[1:])
