"""Whether two LaTeX answers are equivalent, decided in a worker process that cannot hang or exhaust this one."""

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
"""Characters of an answer; anything longer is not compared here and must match as text."""
_PATIENCE = 60.0
"""Wall-clock seconds after which a silent worker is replaced; normally its own time limit stops it long before."""


class _Worker:
    """The worker process and its pipes; a lock lets several threads share it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[bytes] | None = None
        self.owner = 0

    def compare(self, gold: str, answer: str) -> bool:
        """The worker's verdict; False if it dies or does not reply."""
        with self.lock:
            process = self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps([gold, answer]).encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                self.end()
                return False
            ready, _, _ = select.select([process.stdout], [], [], _PATIENCE)
            reply = process.stdout.readline() if ready else b""
            if not reply:
                self.end()
            return reply.strip() == b"true"

    def end(self) -> None:
        """Stop the worker, if there is one and this process started it."""
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
def equal_latex(gold: str, answer: str) -> bool:
    """Whether a LaTeX answer is equivalent to the gold one (`1/2` and `0.5`, `x+1` and `1+x`). Never raises."""
    if not answer.strip() or max(len(gold), len(answer)) > LONGEST:
        return False
    return _WORKER.compare(gold, answer)
