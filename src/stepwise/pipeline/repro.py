"""`make repro`: composes parameters, runs what is not up to date, fills MLflow and prints the report; one at a time."""

from __future__ import annotations

import argparse
import functools
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from stepwise.errors import StepwiseError
from stepwise.methods.registry import METHODS
from stepwise.params.base import read_yaml
from stepwise.params.consistency import check_tasks
from stepwise.pipeline import scheduler
from stepwise.pipeline.dvc_locks import forget_zombies

if TYPE_CHECKING:
    from stepwise.params import LauncherParams, Params

LOCK = Path(".work/repro.lock")


class PipelineError(StepwiseError, RuntimeError):
    """The pipeline cannot run; the message names the cause and the remedy."""


def targets(method: str) -> list[str]:
    """Patterns of the stages to run: those of one method (`warm_up`, `refiner`), or no pattern for all stages."""
    if not method:
        return []
    stages = read_yaml(Path("dvc.yaml"))["stages"]
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
    """Compose params.yaml at `scale` (unless empty), run what is not up to date, and print the report.

    At most `jobs` stages run at once; with 0, as many as params.yaml says. `file` is dvc.yaml or studies/dvc.yaml.
    """
    from stepwise import params
    from stepwise.params import compose

    patterns = targets(method)
    if scale:
        compose.write([f"scale={scale}"])
    loaded = params.load()
    if not patterns:
        check_choice(loaded)
    forget_zombies()
    # MLflow takes seconds to import: stages only write journals, which are sent together at the end.
    environment = {"STEPWISE_TRACKING": "later", **os.environ}
    code = bring_up_to_date(file, patterns, jobs or parallel_stages(loaded.launcher), environment)
    send_runs()
    if code:
        sys.stderr.write("make repro stopped; finished work is kept, run it again to resume.\n")
        return code
    return subprocess.call([sys.executable, "-m", "stepwise", "report"])


def parallel_stages(launcher: LauncherParams) -> int:
    """How many stages may run at once: `launcher.jobs`, but on this machine no more than it has cores."""
    return launcher.jobs if launcher.kind == "slurm" else min(launcher.jobs, os.cpu_count() or 1)


def bring_up_to_date(file: str, patterns: Sequence[str], jobs: int, environment: Mapping[str, str]) -> int:
    """Run the stages that are not up to date, at most `jobs` at once. Returns an exit code."""
    if jobs == 1:
        return subprocess.call(["dvc", "repro", *(["--glob", *patterns] if patterns else [file])], env=environment)
    stages = scheduler.stale(patterns, file)
    if not stages:
        sys.stderr.write("Every stage is up to date.\n")
    failed = scheduler.run(stages, jobs, functools.partial(scheduler.dvc_repro, environment=environment))
    for stage in failed:
        sys.stderr.write(f"{stage} failed; the lines above that start with its name say why.\n")
    return int(bool(failed))


def send_runs() -> None:
    """Fill MLflow from the journals if there is a new one or the database is missing. Without MLflow, only say so."""
    from stepwise.tracking import runs

    sent = LOCK.parent / "tracking.sent"
    journals = sorted(path.name for path in runs.journals().glob("*.json"))
    if not journals or os.environ.get("STEPWISE_TRACKING") == "off":
        return
    database_exists = "MLFLOW_TRACKING_URI" in os.environ or Path("mlflow.db").is_file()
    if database_exists and sent.is_file() and sent.read_text(encoding="utf-8").split() == journals:
        return
    from stepwise import tracking

    try:
        tracking.sync()
    except tracking.TrackingError as error:
        sys.stderr.write(f"{error}; `python -m stepwise sync` does it later\n")
    else:
        sent.write_text("\n".join(journals), encoding="utf-8")


def main() -> None:
    """Command line of the Make target."""
    parser = argparse.ArgumentParser(prog="python -m stepwise.pipeline.repro", description=__doc__)
    parser.add_argument("--scale", default="", help="one of conf/scale; by default params.yaml is used as it is")
    parser.add_argument("--method", default="", help="only the stages of this method and those they depend on")
    parser.add_argument(
        "--jobs", default=0, type=_count, help="stages at once; by default launcher.jobs of params.yaml"
    )
    parser.add_argument("--file", default="dvc.yaml", help="file with the stages; `make studies` passes its own")
    arguments = parser.parse_args()
    from stepwise.params import ParamsError

    LOCK.parent.mkdir(exist_ok=True)
    try:
        with FileLock(LOCK, timeout=0):
            sys.exit(repro(arguments.scale, arguments.method, arguments.jobs, arguments.file))
    except Timeout:
        sys.exit("make repro: another one is running in this folder; wait for it or stop it. Nothing was changed.")
    except (PipelineError, ParamsError, scheduler.SchedulerError) as error:
        sys.exit(f"make repro: {error}")
    except KeyboardInterrupt:
        sys.exit("make repro: interrupted; finished work is kept, run it again to resume.")


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of stages: 1, 2, ...")
    return int(text)


if __name__ == "__main__":
    main()
