"""A pool of warm, isolated worker processes for model-written programs.

Isolation is bubblewrap if it is installed and works, else our own namespaces; without either, nothing runs.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import shutil
import struct
import subprocess
import sys
import threading
import time
import warnings
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stepwise.tasks.sandbox.jail import namespaces
from stepwise.tasks.sandbox.jail.worker import PATIENCE

UNSAFE_FLAG = "STEPWISE_UNSAFE_PROGRAMS"
MAX_WORKERS = 4
_GRACE = 20.0
"""Seconds beyond a program's own limits after which a silent worker is replaced."""
_START = 30.0
"""Seconds that a worker may take to start."""
_JAIL = Path(__file__).with_name("jail")
_BOOT = (
    "import sys; sys.path.append({folder!r}); from jail.worker import main; sys.path.pop(); "
    "main({isolation!r}, {modules!r})"
)
_SLOW_MODULES = ("sympy",)
"""Programs that mention one of these get separate workers, since a large process is slow to fork."""


class NotIsolatedError(RuntimeError):
    """This machine offers no isolation; the message says what was tried and what to do."""


class WorkerEndedError(RuntimeError):
    """A worker process ended or stopped replying in the middle of a program."""


class _Worker:
    """A worker process and the pipes to it."""

    def __init__(self, isolation: str, modules: tuple[str, ...]):
        self.process = subprocess.Popen(
            _command(isolation, modules),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0"},
            cwd="/",
            bufsize=0,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._requests, self._replies = self.process.stdin.fileno(), self.process.stdout.fileno()
        try:
            greeting = self.receive(time.monotonic() + _START)
        except WorkerEndedError as error:
            self.kill()
            raise NotIsolatedError(f"{isolation}: the worker did not start") from error
        if "error" in greeting:
            self.kill()
            raise NotIsolatedError(f"{isolation}: {greeting['error']}")

    def fileno(self) -> int:
        return self._replies

    def send(self, source: str, timeout: float) -> None:
        body = json.dumps({"source": source, "timeout": timeout}).encode()
        message = memoryview(struct.pack(">I", len(body)) + body)
        try:
            while message:
                message = message[os.write(self._requests, message) :]
        except BrokenPipeError as error:
            raise WorkerEndedError("the worker ended") from error

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next message. Raises WorkerEndedError if it is not complete by the deadline (monotonic clock)."""
        length = struct.unpack(">I", self._read(4, deadline))[0]
        message: dict[str, Any] = json.loads(self._read(length, deadline))
        return message

    def _read(self, count: int, deadline: float) -> bytes:
        data = b""
        while len(data) < count:
            if not select.select([self._replies], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise WorkerEndedError("the worker stopped replying")
            part = os.read(self._replies, count - len(data))
            if not part:
                raise WorkerEndedError("the worker ended")
            data += part
        return data

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def _command(isolation: str, modules: tuple[str, ...]) -> list[str]:
    boot = _BOOT.format(folder=str(_JAIL.parent), isolation=isolation, modules=modules)
    python = [sys.executable, "-s", "-P", "-B", "-c", boot]
    if isolation != "bwrap":
        return python
    command = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--unshare-user", "--new-session", "--clearenv"]
    command += [
        "--setenv",
        "PYTHONHASHSEED",
        "0",
        "--uid",
        "1000",
        "--gid",
        "1000",
        "--cap-drop",
        "ALL",
        "--dev",
        "/dev",
    ]
    for folder in [*namespaces.visible_folders(), str(_JAIL)]:
        command += ["--ro-bind", folder, folder]
    return [*command, "--remount-ro", "/", "--chdir", "/", "--", *python]


class Pool:
    """Workers of one kind of isolation, with `modules` already imported. Safe to use from several threads.

    `kinds` are tried in order. Raises NotIsolatedError with all reasons if none works.
    """

    def __init__(self, kinds: Sequence[str], modules: tuple[str, ...] = (), workers: int | None = None):
        self._size = workers or min(MAX_WORKERS, os.cpu_count() or 1)
        self._modules = modules
        self.isolation, first = _first_worker(kinds, modules)
        self._workers = [first]
        self._lock = threading.Lock()

    def run(self, sources: Sequence[str], timeout: float) -> list[dict[str, Any]]:
        """Outcomes (`{"value"}` or `{"error"}`) of programs, in order; each has `timeout` seconds of processor time."""
        with self._lock:
            while len(self._workers) < min(self._size, len(sources)):
                self._workers.append(_Worker(self.isolation, self._modules))
            return self._run(sources, timeout)

    def _run(self, sources: Sequence[str], timeout: float) -> list[dict[str, Any]]:
        outcomes: list[dict[str, Any]] = [{} for _ in sources]
        waiting, idle = deque(range(len(sources))), list(self._workers)
        busy: dict[_Worker, tuple[int, float]] = {}
        while waiting or busy:
            while waiting and idle:
                self._start(idle.pop(), waiting.popleft(), sources, timeout, busy)
            soonest = min(deadline for _, deadline in busy.values())
            ready = select.select(list(busy), [], [], max(0.0, soonest - time.monotonic()))[0]
            overdue = [worker for worker, (_, deadline) in busy.items() if deadline <= time.monotonic()]
            for worker in ready or overdue:
                index, deadline = busy.pop(worker)
                try:
                    outcomes[index] = worker.receive(deadline)
                except WorkerEndedError as error:
                    outcomes[index] = {"error": str(error)}
                    worker = self._replaced(worker)
                idle.append(worker)
        return outcomes

    def _start(
        self,
        worker: _Worker,
        index: int,
        sources: Sequence[str],
        timeout: float,
        busy: dict[_Worker, tuple[int, float]],
    ) -> None:
        try:
            worker.send(sources[index], timeout)
        except WorkerEndedError:
            worker = self._replaced(worker)
            worker.send(sources[index], timeout)
        busy[worker] = (index, time.monotonic() + PATIENCE * timeout + _GRACE)

    def _replaced(self, worker: _Worker) -> _Worker:
        worker.kill()
        fresh = _Worker(self.isolation, self._modules)
        self._workers[self._workers.index(worker)] = fresh
        return fresh

    def close(self) -> None:
        """Stop the workers."""
        with self._lock:
            for worker in self._workers:
                worker.kill()
            self._workers = []


def kinds_here() -> list[str]:
    """Kinds of isolation to try, best first."""
    kinds = ["bwrap"] if shutil.which("bwrap") else []
    if sys.platform == "linux":
        kinds.append("unshare")
    if os.environ.get(UNSAFE_FLAG) == "1":
        kinds.append("unsafe")
    return kinds


def _first_worker(kinds: Sequence[str], modules: tuple[str, ...]) -> tuple[str, _Worker]:
    reasons = []
    for kind in kinds:
        try:
            return kind, _Worker(kind, modules)
        except (NotIsolatedError, OSError) as error:
            reasons.append(str(error))
    raise NotIsolatedError(
        f"programs cannot be isolated here ({'; '.join(reasons) or 'this is not Linux'}): install bubblewrap or allow "
        f"user namespaces, or set {UNSAFE_FLAG}=1 to run them with this user's rights"
    )


_pools: dict[tuple[str, ...], Pool] = {}
_refusals: list[NotIsolatedError] = []
"""Why there is no pool, once known: starting one is not tried again, and the warning is given once."""
_pools_lock = threading.Lock()


def run_isolated(sources: Sequence[str], timeout: float) -> tuple[str, list[dict[str, Any]]]:
    """The kind of isolation, and outcomes of programs in order from this process's pools. Raises NotIsolatedError."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for index, source in enumerate(sources):
        groups.setdefault(tuple(module for module in _SLOW_MODULES if module in source), []).append(index)
    outcomes: list[dict[str, Any]] = [{} for _ in sources]
    isolation = ""
    for modules, indices in groups.items():
        pool = _pool(modules)
        isolation = pool.isolation
        for index, outcome in zip(indices, pool.run([sources[i] for i in indices], timeout), strict=True):
            outcomes[index] = outcome
    return isolation, outcomes


def _pool(modules: tuple[str, ...]) -> Pool:
    with _pools_lock:
        if _refusals:
            raise _refusals[0]
        if modules not in _pools:
            try:
                _pools[modules] = Pool(kinds_here(), modules)
            except NotIsolatedError as error:
                warnings.warn(str(error), RuntimeWarning, stacklevel=2)
                _refusals.append(error)
                raise
        return _pools[modules]


def close() -> None:
    """Stop all workers; the next program starts new ones."""
    for pool in _pools.values():
        pool.close()
    _pools.clear()
    _refusals.clear()


def _forget() -> None:
    """In a forked child, drop the workers, which belong to the parent."""
    global _pools_lock
    _pools_lock = threading.Lock()
    _pools.clear()


atexit.register(close)
os.register_at_fork(after_in_child=_forget)
