"""Tests in several processes at once (`make test`): which of them stay together, and which run alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xdist.scheduler import LoadFileScheduling

HERE = Path(__file__).parent
TURNSTILE, ROOM = HERE / "workers.py", HERE / "conftest.py"
"""Files that are locked; nothing is written to them."""

if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before the first import of torch: there is a worker for each core


class Files(LoadFileScheduling):
    """The tests of a file run in one process, in their order; so do those of tests/smoke, which share a run."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/smoke" if nodeid.startswith("tests/smoke/") else super()._split_scope(nodeid)


@contextmanager
def admitted(alone: bool) -> Iterator[None]:
    """Let a test run beside those of other processes, or, if it must be alone, once all of them have ended.

    A test that waits holds the turnstile, so that no later one overtakes it. The lock is released explicitly: processes
    that a test has forked still have the files open.
    """
    with TURNSTILE.open() as turnstile, ROOM.open() as room:
        fcntl.flock(turnstile, fcntl.LOCK_EX)
        fcntl.flock(room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(turnstile, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(room, fcntl.LOCK_UN)
