"""Locks that killed DVC processes seem to hold.

DVC notes in `.dvc/tmp/rwlock` which process reads or writes which path, and drops the entries of processes that no
longer exist. A killed process whose parent never waits for it (a zombie, as in containers whose first process does not
reap) still exists, so its entries would block the outputs forever.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from stepwise.records import new_file

RWLOCK = Path(".dvc/tmp/rwlock")


def forget_zombies(path: Path = RWLOCK, wait: float = 5.0) -> None:
    """Remove the entries of zombies. A process that is being killed right now has `wait` seconds to become a zombie."""
    import psutil

    deadline = time.monotonic() + wait
    while True:
        entries = _read(path)
        alive = [pid for pid in _holders(entries) if psutil.pid_exists(pid)]
        zombies = {pid for pid in alive if _is_zombie(pid)}
        if len(zombies) == len(alive) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if zombies:
        with new_file(path) as rwlock:
            json.dump(_without(entries, zombies), rwlock)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """DVC's entries; none if there is no file, or if it is broken, which DVC reports itself."""
    try:
        entries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return entries


def _holders(entries: dict[str, dict[str, Any]]) -> set[int]:
    writers = {writer["pid"] for writer in entries.get("write", {}).values() if writer}
    return writers | {reader["pid"] for readers in entries.get("read", {}).values() for reader in readers}


def _without(entries: dict[str, dict[str, Any]], pids: set[int]) -> dict[str, dict[str, Any]]:
    write = {path: writer for path, writer in entries.get("write", {}).items() if writer and writer["pid"] not in pids}
    read = {
        path: [reader for reader in readers if reader["pid"] not in pids]
        for path, readers in entries.get("read", {}).items()
    }
    return {"write": write, "read": {path: readers for path, readers in read.items() if readers}}


def _is_zombie(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
