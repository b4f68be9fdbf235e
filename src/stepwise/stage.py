"""What every stage shares: a command line, declared parameters, one writer, work that survives a kill, a tracked run.

    @stage(params=("seed", "task.{task}", "warm_up"))
    def main(run: Run, *, task: str, data: Path, out: Path) -> None: ...

The keyword arguments are the command line. The function sees only the parameters that it declares, as `dvc.yaml` does
too. Work in progress lives in `run.work`, keyed by all that decides the result, and outlives the process.
"""

from __future__ import annotations

import argparse
import atexit
import ctypes
import errno
import functools
import gc
import hashlib
import inspect
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, cast

from filelock import FileLock, Timeout

from stepwise import tracking
from stepwise.cluster import launcher
from stepwise.errors import StepwiseError
from stepwise.params import Params, load
from stepwise.params.declared import Declared
from stepwise.tracking.registry import Registration

WORK = Path(".work")
CODE = Path("src/stepwise")


class StageError(StepwiseError, RuntimeError):
    """A stage that cannot run; the message names the cause and the remedy."""


class Terminated(SystemExit):
    """SIGTERM: the stage stops where it is; what is in its journal and checkpoints is kept."""


@dataclass
class Run:
    """One execution of a stage."""

    stage: str
    params: Params
    """Only declared keys can be read."""
    work: Path
    """Folder for work in progress; the same for the same code, parameters and inputs, empty for new ones."""
    fingerprint: str
    tracked: tracking.StageRun = field(repr=False)

    def publish(self, made: Path, out: Path) -> None:
        """Move a finished file or folder to its place by renames, so that a kill leaves no half of one.

        A folder that is there already goes aside first; it is removed with the work.
        """
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.is_dir():
            replaced = self.work / "replaced"
            if replaced.exists():
                shutil.rmtree(replaced)
            out.replace(replaced)
        made.replace(out)

    def log(self, **metrics: float) -> None:
        """Metrics of the tracked run."""
        self.tracked.metrics.update(metrics)

    def register(self, method: str, task: str, model: str, *, folder: Path, dev: dict[str, bool]) -> None:
        """Put a model into the registry with this run's metrics; `dev` (problem: right?) decides on champions."""
        self.tracked.registration = Registration(method, task, model, str(folder), dict(self.tracked.metrics), dev)


def stage(*, params: tuple[str, ...]) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Make a stage of a function `(run, *, arguments: Path | str)`. The result takes sys.argv."""

    def decorate(body: Callable[..., None]) -> Callable[[], None]:
        @functools.wraps(body)
        def main() -> None:
            name = Path(inspect.getfile(body)).stem
            try:
                sys.exit(_launch(name, body, params))
            except KeyboardInterrupt:
                sys.exit(f"{name}: interrupted; run it again to go on")
            except OSError as error:
                _stop_on_full_disk(name, error)

        main.declared = params  # type: ignore[attr-defined]
        main.__signature__ = inspect.signature(body)  # type: ignore[attr-defined]
        return main

    return decorate


def _stop_on_full_disk(name: str, error: OSError) -> NoReturn:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = error.filename or "its output"
        remedy = f"free some space and run again: finished work is kept in {WORK}/"
        sys.exit(f"{name}: the disk is full while writing {where}; {remedy}")
    raise error


def _launch(name: str, body: Callable[..., None], declared: tuple[str, ...]) -> int:
    _die_with_parent()
    _collect_rarely()
    try:
        params = load()
        arguments = _parse(name, body)
        run = _prepare(name, arguments, params, declared)
        if params.launcher.kind == "local" or launcher.inside_job():
            _execute(run, body, arguments)
            return 0
        outs = [path for key, path in arguments.items() if key in tracking.OUTPUTS]
        command = [sys.executable, *sys.argv]
        return launcher.launch(name, command, params.launcher, key=run.fingerprint, outs=outs)
    except StepwiseError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201
        return 2


def _parse(name: str, body: Callable[..., None]) -> dict[str, str | Path]:
    parser = argparse.ArgumentParser(prog=f"stages/{name}.py", description=(body.__doc__ or "").split("\n")[0])
    hints = inspect.get_annotations(body, eval_str=True)
    for argument, spec in inspect.signature(body).parameters.items():
        if spec.kind is spec.KEYWORD_ONLY:
            parser.add_argument("--" + argument.replace("_", "-"), dest=argument, type=hints[argument], required=True)
    return vars(parser.parse_args())


def _prepare(name: str, arguments: dict[str, Any], params: Params, declared: tuple[str, ...]) -> Run:
    names = {key: str(value) for key, value in arguments.items()}
    narrowed = Declared(params, tuple(key.format(**names) for key in declared))
    values = narrowed.values()
    fingerprint = _fingerprint(name, values, arguments)
    tracked = tracking.StageRun(
        stage=name, key=fingerprint, arguments=names, params=values, scale=params.scale, started=time.time()
    )
    return Run(name, cast(Params, narrowed), WORK / name / fingerprint, fingerprint, tracked)


def _execute(run: Run, body: Callable[..., None], arguments: dict[str, Any]) -> None:
    signal.signal(signal.SIGTERM, _terminate)
    run.work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.work / "lock", timeout=0):
            body(run, **arguments)
            run.tracked.ended = time.time()
            tracking.record(run.tracked)
            for entry in run.work.iterdir():
                if entry.name != "lock":
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    except Timeout as error:
        raise StageError(f"another process is at this very stage ({run.work}); wait for it or stop it") from error


def _terminate(_signal: int, _frame: object) -> NoReturn:
    raise Terminated(143)


def _die_with_parent() -> None:
    """Ask Linux for SIGTERM when `dvc` dies: a stage left behind would write beside its successor."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)


def _collect_rarely() -> None:
    """Look for garbage seldom, at the end not at all: imports make most of a small stage's objects, all to stay."""
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)


def _fingerprint(name: str, values: dict[str, object], arguments: dict[str, Any]) -> str:
    """Hash of what decides a result: declared parameters, arguments, inputs and the code."""
    digest = hashlib.sha256(json.dumps([name, values, sorted(map(str, arguments.items()))], sort_keys=True).encode())
    paths = [(key, value) for key, value in sorted(arguments.items()) if isinstance(value, Path)]
    inputs = [value for key, value in paths if key not in tracking.OUTPUTS]
    for root in (CODE, Path("stages") / f"{name}.py", *inputs):
        for file in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if file.is_file() and "__pycache__" not in file.parts:
                digest.update(os.fsencode(file))
                digest.update(_file_hash(file))
    return digest.hexdigest()[:16]


def _file_hash(path: Path) -> bytes:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "md5").digest()
