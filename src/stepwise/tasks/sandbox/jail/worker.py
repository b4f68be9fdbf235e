"""The warm worker: it isolates itself once, then forks a child for each program, so that nothing outlives its program.

Requests and replies are frames (length, JSON) on pipes that no program inherits. Each child has its own pipe; its
output counts only if it is a single message that starts with the child's secret, and only for that program.
"""

from __future__ import annotations

import _strptime
import calendar
import cmath
import contextlib
import ctypes
import decimal
import gc
import heapq
import importlib
import json
import os
import random
import secrets
import select
import signal
import statistics
import string
import struct
import time
import typing
from collections.abc import Sequence
from typing import Any, BinaryIO

from . import execution, limits, namespaces, seccomp

_WARM = (_strptime, calendar, cmath, decimal, heapq, statistics, string, typing)
"""Imported here so that no program has to."""
PATIENCE = 5
"""Wall-clock limit as a multiple of the processor-time limit, for busy machines and sleeping programs."""
_MESSAGE_LIMIT = 1 << 16
_FIRST_PROCESSES = 8
"""Process ids in a fresh namespace are below this; outside one, a signal to all processes would hit strangers."""


def read_frame(stream: BinaryIO) -> Any:
    """The next message, or None at end of stream."""
    head = stream.read(4)
    if len(head) < 4:
        return None
    body = stream.read(struct.unpack(">I", head)[0])
    return json.loads(body)


def write_frame(stream: BinaryIO, message: Any) -> None:
    """Send a message in one piece."""
    body = json.dumps(message).encode()
    stream.write(struct.pack(">I", len(body)) + body)
    stream.flush()


def main(isolation: str, modules: Sequence[str]) -> None:
    """Serve until the requests end. `isolation` is `bwrap` (already inside), `unshare` or `unsafe`."""
    requests, replies = _private_pipes()
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        if isolation == "unshare":
            namespaces.enter(namespaces.visible_folders(), libc)
        if isolation != "unsafe" and os.getpid() > _FIRST_PROCESSES:
            raise OSError("this is not a separate process namespace")
    except OSError as error:
        write_frame(replies, {"error": str(error)})
        return
    for module in modules:
        importlib.import_module(module)
    os.environ.clear()
    random.seed(0)
    worker = Worker(isolation, libc)
    gc.collect()
    gc.freeze()
    write_frame(replies, {"ready": True, "seccomp": worker.filter_code is not None})
    while (request := read_frame(requests)) is not None:
        write_frame(replies, worker.serve(request))


def _private_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes away from the standard streams, which are then connected to /dev/null."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    return requests, replies


class Worker:
    """Runs programs one after another, each in its own child."""

    def __init__(self, isolation: str, libc: ctypes.CDLL):
        self.alone = isolation != "unsafe"
        self.libc = libc
        self.filter_code = seccomp.compiled() if self.alone else None

    def serve(self, request: dict[str, Any]) -> dict[str, Any]:
        """The outcome of a request `{"source", "timeout"}`, as `{"value"}` or `{"error"}`."""
        secret = secrets.token_bytes(16)
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            self._run(request, secret, writing)
        os.close(writing)
        try:
            message = _read_all(reading, child, request["timeout"])
        finally:
            os.close(reading)
            status = self._end(child)
        return _outcome(message, secret, status, request["timeout"])

    def _run(self, request: dict[str, Any], secret: bytes, writing: int) -> None:
        """In the child: drop all privileges, run the program, report its return value, and exit."""
        try:
            os.dup2(writing, 3)
            os.closerange(4, 256)
            if self.alone:
                limits.apply(request["timeout"], self.filter_code, self.libc)
            outcome = execution.result(request["source"])
            os.write(3, secret + json.dumps(outcome).encode("utf-8", "backslashreplace"))
        finally:
            os._exit(0)

    def _end(self, child: int) -> int:
        """Kill the child and everything it started; returns the child's wait status."""
        os.kill(child, signal.SIGKILL)
        if self.alone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(-1, signal.SIGKILL)
        status = os.waitpid(child, 0)[1]
        if os.getpid() == 1:
            while True:
                try:
                    os.waitpid(-1, 0)
                except ChildProcessError:
                    break
        return status


def _read_all(pipe: int, child: int, timeout: float) -> bytes | None:
    """Everything from the pipe until it closes; None when the time is up, empty if it is too much.

    The limit is on the child's processor time, so that a busy machine does not change outcomes; a child that only waits
    is stopped after PATIENCE times as long.
    """
    end = time.monotonic() + PATIENCE * timeout
    message = b""
    while len(message) <= _MESSAGE_LIMIT:
        left = min(end - time.monotonic(), timeout - _processor_seconds(child))
        if left <= 0:
            return None
        if select.select([pipe], [], [], left)[0]:
            part = os.read(pipe, _MESSAGE_LIMIT)
            if not part:
                return message
            message += part
    return b""


def _processor_seconds(child: int) -> float:
    """Processor time that a child has used. A process's CPU clock id is derived from its process id."""
    try:
        return time.clock_gettime((~child << 3) | 2)
    except OSError:  # it has just ended
        return 0.0


def _outcome(message: bytes | None, secret: bytes, status: int, timeout: float) -> dict[str, Any]:
    """The child's message as an outcome; anything but a single complete message from that child is an error."""
    if message is None:
        return {"error": f"ran longer than {timeout:g} s"}
    if not message:
        return {"error": f"ended without a result ({_ending(status)})"}
    if not message.startswith(secret):
        return {"error": "wrote to the pipe of its result"}
    try:
        outcome = json.loads(message[len(secret) :])
    except ValueError:
        return {"error": "wrote to the pipe of its result"}
    return outcome if isinstance(outcome, dict) and set(outcome) in ({"value"}, {"error"}) else {"error": "no outcome"}


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"signal {-code}" if code < 0 else f"exit {code}"
