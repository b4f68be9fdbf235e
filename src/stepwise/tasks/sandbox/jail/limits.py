"""What a program's process gives up before it starts the program: privileges, memory, time, files and processes."""

from __future__ import annotations

import ctypes
import math
import resource

from . import seccomp

_PR_SET_NO_NEW_PRIVS = 38
_CAPABILITY_VERSION = 0x20080522

MEMORY = 1 << 30
"""Address space in bytes."""


def drop_privileges(libc: ctypes.CDLL) -> None:
    """Drop all capabilities; running another file regains none of them. Raises OSError if the kernel refuses."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.capset(header, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "capabilities cannot be dropped")


def apply(timeout: float, filter_code: bytes | None, libc: ctypes.CDLL) -> None:
    """Limit this process for good: memory, processor time, no file writes, few open files, no other processes."""
    seconds = math.ceil(timeout) + 1
    limits = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 16,
        resource.RLIMIT_CORE: 0,
    }
    for kind, limit in limits.items():
        resource.setrlimit(kind, (limit, limit))
    drop_privileges(libc)
    if filter_code is not None:
        seccomp.install(filter_code, libc)
