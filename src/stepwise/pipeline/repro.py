"""`make repro`: one run at a time of parameters at a scale, the MLflow database, DVC and the report."""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from filelock import FileLock, Timeout

from stepwise.errors import StepwiseError
from stepwise.methods.registry import METHODS
from stepwise.params.consistency import check_tasks
from stepwise.pipeline import scheduler
from stepwise.pipeline.dvc_locks import forget_zombies

if TYPE_CHECKING:
    from stepwise.params import LauncherParams, Params

LOCK = Path(".work/repro.lock")


class PipelineError(StepwiseError, RuntimeError):
    """The pipeline cannot run; the message names the cause and the remedy."""


def targets(method: str) -> list[str]:
    """Patterns of the stages to be made: none for all, or those of one method (`warm_up`, `refiner`)."""
    if not method:
        return []
    stages = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    patterns = [f"{name}*" for name in stages if name == method or name.startswith(f"{method}_")]
    patterns += [
        f"{name}@{method}-*" for name, stage in stages.items() if method in stage.get("matrix", {}).get("method", ())
    ]
    if not patterns:
        raise PipelineError(f"dvc.yaml has no stages of METHOD={method}; its stages are {', '.join(stages)}")
    return patterns


def check_choice(params: Params) -> None:
    """Check that the run makes everything its stages start from; otherwise it would stop only when it gets there.

    Raises ParamsError naming the key and the remedy.
    """
    check_tasks(params, "warm_up_tasks", params.warm_up_tasks)
    for method in METHODS:
        method.check(params)


def repro(scale: str, method: str, jobs: int, file: str) -> int:
    """Compose params.yaml at `scale` (empty: take it as it lies), run what is not up to date, print the report.

    At most `jobs` stages run at once; 0 leaves it to params.yaml. `file` holds the stages: dvc.yaml, or the studies'.
    """
    from stepwise import params
    from stepwise.params import compose

    wanted = targets(method)
    if scale:
        compose.write([f"scale={scale}"])
    of = params.load()
    if not wanted:
        check_choice(of)
    forget_zombies()
    # Each stage would pay seconds for MLflow: they leave their runs in journals, which are sent together at the end.
    environment = {"STEPWISE_TRACKING": "later", **os.environ}
    code = bring_up_to_date(file, wanted, jobs or default_jobs(of.launcher), environment)
    send_runs()
    if code:
        sys.stderr.write("make repro stopped; what is finished is kept, run it again to go on.\n")
        return code
    return subprocess.call([sys.executable, "-m", "stepwise", "report"])


def default_jobs(launcher: LauncherParams) -> int:
    """As many as params.yaml says; of those that compute here not more than there are cores."""
    return launcher.jobs if launcher.kind == "slurm" else min(launcher.jobs, os.cpu_count() or 1)


def bring_up_to_date(file: str, patterns: Sequence[str], jobs: int, environment: Mapping[str, str]) -> int:
    """`dvc repro` of what is not up to date, with `jobs` stages at once. Returns its exit code."""
    if jobs == 1:
        return subprocess.call(["dvc", "repro", *(["--glob", *patterns] if patterns else [file])], env=environment)
    stages = scheduler.stale(patterns, file)
    if not stages:
        sys.stderr.write("Every stage is up to date.\n")
    failed = scheduler.run(stages, jobs, functools.partial(scheduler.dvc_repro, environment=environment))
    for stage in failed:
        sys.stderr.write(f"{stage} failed; the lines above that begin with its name say why.\n")
    return int(bool(failed))


def send_runs() -> None:
    """Fill MLflow from the journals if one is new or the database is gone; MLflow's absence stops nothing."""
    from stepwise.tracking import runs

    sent = LOCK.parent / "tracking.sent"
    journals = sorted(path.name for path in runs.journals().glob("*.json"))
    if not journals or os.environ.get("STEPWISE_TRACKING") == "off":
        return
    there = "MLFLOW_TRACKING_URI" in os.environ or Path("mlflow.db").is_file()
    if there and sent.is_file() and sent.read_text(encoding="utf-8").split() == journals:
        return
    from stepwise import tracking

    try:
        tracking.sync()
    except tracking.TrackingError as error:
        sys.stderr.write(f"{error}; `python -m stepwise sync` catches up\n")
    else:
        sent.write_text("\n".join(journals), encoding="utf-8")


def main() -> None:
    """Command line of the Make target."""
    parser = argparse.ArgumentParser(prog="python -m stepwise.pipeline.repro", description=__doc__)
    parser.add_argument("--scale", default="", help="one of conf/scale; without it params.yaml is taken as it lies")
    parser.add_argument("--method", default="", help="only the stages of this method and what they need")
    parser.add_argument("--jobs", default=0, type=_count, help="stages at once; else launcher.jobs of params.yaml")
    parser.add_argument("--file", default="dvc.yaml", help="where the stages are; `make studies` names its own")
    arguments = parser.parse_args()
    from stepwise.params import ParamsError

    LOCK.parent.mkdir(exist_ok=True)
    try:
        with FileLock(LOCK, timeout=0):
            sys.exit(repro(arguments.scale, arguments.method, arguments.jobs, arguments.file))
    except Timeout:
        sys.exit("make repro: another one is at work in this folder; wait for it or stop it. Nothing was changed.")
    except (PipelineError, ParamsError, scheduler.SchedulerError) as error:
        sys.exit(f"make repro: {error}")
    except KeyboardInterrupt:
        sys.exit("make repro: interrupted; what is finished is kept, run it again to go on.")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of stages: 1, 2, ...")
    return int(text)


if __name__ == "__main__":
    main()
