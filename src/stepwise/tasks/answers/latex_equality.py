"""Whether two LaTeX answers mean the same, asked of a worker process that cannot hang or exhaust this one."""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
from functools import lru_cache
from pathlib import Path

LONGEST = 300
"""Characters of an answer; a longer one is the same only word for word."""
_PATIENCE = 60.0
"""Seconds by the clock after which a worker that says nothing is replaced; it stops by itself long before."""


class _Worker:
    """The process and the lines to and from it; a lock lets many threads ask."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.owner = 0

    def ask(self, gold: str, said: str) -> bool:
        """The worker's verdict; one that ends or falls silent has not found them equal."""
        with self.lock:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps([gold, said]).encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                self.end()
                return False
            ready, _, _ = select.select([process.stdout], [], [], _PATIENCE)
            answer = process.stdout.readline() if ready else b""
            if not answer:
                self.end()
            return answer.strip() == b"true"

    def end(self) -> None:
        """Stop the process, if there is one and this process started it."""
        if self.process is not None and self.owner == os.getpid():
            self.process.kill()
            self.process.wait()
        self.process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self.process is None or self.owner != os.getpid() or self.process.poll() is not None:
            self.owner = os.getpid()
            source = str(Path(__file__).resolve().parents[3])
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stepwise.tasks.answers.latex_worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": source, "PYTHONHASHSEED": "0"},
            )
        return self.process


_WORKER = _Worker()
atexit.register(_WORKER.end)


@lru_cache(maxsize=4096)
def equal_latex(gold: str, said: str) -> bool:
    """Whether a LaTeX answer is the gold one in other words (`1/2` and `0.5`, `x+1` and `1+x`). Never raises."""
    if not said.strip() or max(len(gold), len(said)) > LONGEST:
        return False
    return _WORKER.ask(gold, said)
