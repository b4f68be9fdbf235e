"""What every stage shares: a command line, declared parameters, one writer, work that survives a kill, a tracked run.

    @stage(params=("seed", "task.{task}", "warm_up"))
    def main(run: Run, *, task: str, data: Path, out: Path) -> None: ...

The keyword arguments are the command line. The function sees only the parameters that it declares, as `dvc.yaml` does
too. Work in progress lives in `run.work`, keyed by everything that decides the result, and outlives the process.
"""

from __future__ import annotations

import argparse
import atexit
import ctypes
import errno
import functools
import gc
import inspect
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
from stepwise.cluster.jobs import Job
from stepwise.errors import StepwiseError
from stepwise.params import Params, load
from stepwise.params.declared import Declared
from stepwise.tracking import fingerprint
from stepwise.tracking.fingerprint import Fingerprint
from stepwise.tracking.registry import Registration

WORK = Path(".work")


class StageError(StepwiseError, RuntimeError):
    """A stage that cannot run; the message names the cause and the remedy."""


class Terminated(SystemExit):
    """SIGTERM: the stage stops at once; its journals and checkpoints are kept."""


class Inputs:
    """What a stage is run on: parameters, arguments, input files and code, as they are when it starts."""

    def __init__(self, script: Path, arguments: dict[str, str | Path], declared: Declared) -> None:
        """Take their fingerprint."""
        self._script, self._arguments, self._keys = script, arguments, declared.keys
        self._hashes = fingerprint.FileHashes()
        self.at_start = self._fingerprint(declared)

    def check(self) -> None:
        """Raise StageError if something has changed since the start: DVC would record values that were not used."""
        now = self._fingerprint(Declared(load(), self._keys))
        changes = now.changes(self.at_start, fingerprint.loaded_code(self.at_start, self._script))
        if changes:
            raise StageError(_changed("while the stage was running", changes))

    def check_against_launch(self, submitted: str) -> None:
        """Raise StageError if parameters or inputs have changed while the job waited in the queue.

        Code may: the job runs what is there now, and that is also what DVC records.
        """
        changes = self.at_start.changes(Fingerprint.from_json(submitted))
        if changes:
            raise StageError(_changed("while the job waited in the queue", changes))

    def _fingerprint(self, declared: Declared) -> Fingerprint:
        return fingerprint.take(self._script, self._arguments, declared.values(), self._hashes)


def _changed(when: str, changes: list[str]) -> str:
    return (
        f"{'; '.join(changes)}: this happened {when}. Nothing is published, because dvc.lock would record values "
        "that were not used. Change them back and run again to resume, or run again to start over with the new ones"
    )


@dataclass
class Run:
    """One execution of a stage."""

    stage: str
    params: Params
    """Only declared keys can be read."""
    work: Path
    """Folder for work in progress; the same for the same code, parameters and inputs, empty for new ones."""
    inputs: Inputs = field(repr=False)
    tracked: tracking.StageRun = field(repr=False)

    def publish(self, finished: Path, out: Path) -> None:
        """Move a finished file or folder to its place by a rename, so that a kill never leaves half of it there.

        An existing folder is moved aside first and removed with the work. Raises StageError if parameters, inputs or
        code have changed since the stage started.
        """
        self.inputs.check()
        out.parent.mkdir(parents=True, exist_ok=True)
        if out.is_dir():
            replaced = self.work / "replaced"
            if replaced.exists():
                shutil.rmtree(replaced)
            out.replace(replaced)
        finished.replace(out)

    def log(self, **metrics: float) -> None:
        """Metrics of the tracked run."""
        self.tracked.metrics.update(metrics)

    def register(self, method: str, task: str, model: str, *, folder: Path, dev: dict[str, bool]) -> None:
        """Put a model into the registry with this run's metrics.

        `dev` says of each dev problem whether it is answered correctly, which decides on the champion.
        """
        self.tracked.registration = Registration(method, task, model, str(folder), dict(self.tracked.metrics), dev)


def stage(*, params: tuple[str, ...]) -> Callable[[Callable[..., None]], Callable[[], None]]:
    """Make a stage of a function `(run, *, arguments: Path | str)`. The result takes sys.argv."""

    def decorate(body: Callable[..., None]) -> Callable[[], None]:
        @functools.wraps(body)
        def main() -> None:
            name = stage_name(Path(inspect.getfile(body)).stem)
            try:
                sys.exit(_launch(name, body, params))
            except KeyboardInterrupt:
                sys.exit(f"{name}: interrupted; run it again to resume")
            except OSError as error:
                _stop_on_full_disk(name, error)

        main.declared = params  # type: ignore[attr-defined]
        main.__signature__ = inspect.signature(body)  # type: ignore[attr-defined]
        return main

    return decorate


def stage_name(script: str) -> str:
    """The stage's name in dvc.yaml if DVC runs it, else that of its script.

    DVC_STAGE also has the file and the entry of the matrix: `studies/dvc.yaml:reft_ablation@no_kl-word_problems-tiny`.
    """
    return os.environ.get("DVC_STAGE", "").rpartition(":")[2].partition("@")[0] or script


def _stop_on_full_disk(name: str, error: OSError) -> NoReturn:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        where = error.filename or "its output"
        remedy = f"free some space and run again: finished work is kept in {WORK}/"
        sys.exit(f"{name}: the disk is full while writing {where}; {remedy}")
    raise error


def _launch(name: str, body: Callable[..., None], declared: tuple[str, ...]) -> int:
    _stop_with_parent()
    _collect_garbage_rarely()
    try:
        params = load()
        arguments = _parse(body)
        run = _prepare(name, body, arguments, params, declared)
        submitted = launcher.submitted_record()
        if submitted is not None:
            run.inputs.check_against_launch(submitted)
        if params.launcher.kind == "local" or submitted is not None:
            _execute(run, body, arguments)
            return 0
        job = Job(
            stage=name,
            command=(sys.executable, *sys.argv),
            key=run.inputs.at_start.key,
            outs=tuple(path for key, path in arguments.items() if key in tracking.OUTPUTS),
            record=run.inputs.at_start.to_json(),
        )
        return launcher.launch(job, params.launcher, before_collecting=run.inputs.check)
    except StepwiseError as error:
        print(f"{name}: {error}", file=sys.stderr)  # noqa: T201
        return 2


def _parse(body: Callable[..., None]) -> dict[str, Any]:
    script = Path(inspect.getfile(body)).name
    parser = argparse.ArgumentParser(prog=f"stages/{script}", description=(body.__doc__ or "").split("\n")[0])
    hints = inspect.get_annotations(body, eval_str=True)
    for argument, spec in inspect.signature(body).parameters.items():
        if spec.kind is spec.KEYWORD_ONLY:
            parser.add_argument("--" + argument.replace("_", "-"), dest=argument, type=hints[argument], required=True)
    return vars(parser.parse_args())


def _prepare(
    name: str, body: Callable[..., None], arguments: dict[str, Any], params: Params, declared: tuple[str, ...]
) -> Run:
    names = {key: str(value) for key, value in arguments.items()}
    narrowed = Declared(params, tuple(key.format(**names) for key in declared))
    script = Path("stages") / Path(inspect.getfile(body)).name
    inputs = Inputs(script, arguments, narrowed)
    key = inputs.at_start.key
    tracked = tracking.StageRun(
        stage=name,
        script=script.as_posix(),
        key=key,
        arguments=names,
        params=inputs.at_start.params,
        scale=params.scale,
        started=time.time(),
    )
    return Run(name, cast(Params, narrowed), WORK / name / key, inputs, tracked)


def _execute(run: Run, body: Callable[..., None], arguments: dict[str, Any]) -> None:
    signal.signal(signal.SIGTERM, _terminate)
    run.work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(run.work / "lock", timeout=0):
            body(run, **arguments)
            run.inputs.check()
            run.tracked.ended = time.time()
            tracking.record(run.tracked)
            for entry in run.work.iterdir():
                if entry.name != "lock":
                    shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    except Timeout as error:
        raise StageError(f"another process is running this stage ({run.work}); wait for it or stop it") from error


def _terminate(_signal: int, _frame: object) -> NoReturn:
    raise Terminated(143)


def _stop_with_parent() -> None:
    """Ask Linux for SIGTERM when `dvc` dies: an orphaned stage would write to the outputs of the next run."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(1, signal.SIGTERM)


def _collect_garbage_rarely() -> None:
    """Collect garbage rarely, and not at exit: a short stage's objects mostly come from imports and live to the end."""
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
