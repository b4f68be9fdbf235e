"""Separate user, process, network, mount, IPC and host-name namespaces, with only read-only libraries visible."""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
import sysconfig
from collections.abc import Sequence

_NEW = {
    "mount": 0x00020000,
    "uts": 0x04000000,
    "ipc": 0x08000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 2, 4, 32, 4096, 16384, 1 << 18
_KEPT_FLAGS = {2: 2, 4: 4, 8: 8, 1024: 1024, 2048: 2048, 4096: 1 << 21}
"""Mount flags as statvfs and as mount(2) number them; a remount in a user namespace must repeat them."""
_DETACH = 2
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PR_SET_PDEATHSIG = 1
_INSIDE_ID = 1000
_BASE = "/proc"
"""The new root is built here: a folder that every Linux has and that contains no library."""


def visible_folders() -> list[str]:
    """Folders that the interpreter and its libraries need, none inside another."""
    paths = sysconfig.get_paths()
    wanted = [sys.prefix, sys.base_prefix, paths["stdlib"], paths["purelib"], paths["platlib"]]
    wanted += ["/usr/lib", "/usr/lib64", "/lib", "/lib64"]
    present = sorted({os.path.normpath(path) for path in wanted if path != "/" and os.path.isdir(path)})
    return [path for path in present if not any(path.startswith(other + "/") for other in present)]


def enter(folders: Sequence[str], libc: ctypes.CDLL) -> None:
    """Continue as the first process of the new namespaces; the calling process waits outside and ends with it.

    Raises OSError if the kernel or the machine's administrator does not allow this.
    """
    if platform.machine() not in _PIVOT_ROOT:
        raise OSError(f"isolation is not supported on {platform.machine()}")
    user, group = os.getuid(), os.getgid()
    _checked(libc.unshare(sum(_NEW.values())), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{_INSIDE_ID} {user} 1")
    _write("/proc/self/gid_map", f"{_INSIDE_ID} {group} 1")
    child = os.fork()
    if child:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 0xFF)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _enter_root(folders, libc)


def _enter_root(folders: Sequence[str], libc: ctypes.CDLL) -> None:
    """Switch to an empty, read-only root with the folders bound into it, and detach the old one."""
    _mount(libc, None, "/", None, _RECURSIVE | _PRIVATE)
    _mount(libc, "tmpfs", _BASE, "tmpfs", _NO_SUID | _NO_DEVICES, "size=64k,mode=755")
    for folder in folders:
        target = _BASE + folder
        os.makedirs(target)
        _mount(libc, os.path.realpath(folder), target, None, _BIND | _RECURSIVE)
        _mount(libc, None, target, None, _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES | _flags(target))
    os.chdir(_BASE)
    _checked(libc.syscall(_PIVOT_ROOT[platform.machine()], b".", b"."), "pivot_root")
    _checked(libc.umount2(b".", _DETACH), "umount")
    os.chdir("/")
    _mount(libc, None, "/", None, _REMOUNT | _BIND | _READ_ONLY | _NO_SUID | _NO_DEVICES)


def _flags(path: str) -> int:
    present = os.statvfs(path).f_flag
    return sum(ours for theirs, ours in _KEPT_FLAGS.items() if present & theirs and ours not in (_NO_SUID, _NO_DEVICES))


def _mount(libc: ctypes.CDLL, source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    as_bytes = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    _checked(libc.mount(*as_bytes, ctypes.c_ulong(flags), os.fsencode(data) or None), f"mount {target}")


def _checked(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)
