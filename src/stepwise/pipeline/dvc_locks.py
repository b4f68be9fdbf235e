"""What killed DVC processes still seem to hold.

DVC notes in `.dvc/tmp/rwlock` which process reads or writes which path, and forgets processes that no longer exist. One
that was killed and that nobody has waited for (a zombie, as in containers whose first process does not reap) exists for
ever, and so would its hold on the outputs.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from stepwise.records import new_file

RWLOCK = Path(".dvc/tmp/rwlock")


def forget_zombies(path: Path = RWLOCK, wait: float = 5.0) -> None:
    """Remove the entries of zombies. A process that is just being killed has `wait` seconds to become one."""
    import psutil

    deadline = time.monotonic() + wait
    while True:
        noted = _read(path)
        alive = [pid for pid in _holders(noted) if psutil.pid_exists(pid)]
        zombies = {pid for pid in alive if _is_zombie(pid)}
        if len(zombies) == len(alive) or time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if zombies:
        with new_file(path) as rwlock:
            json.dump(_without(noted, zombies), rwlock)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    """DVC's notes; none where there is no file, or one that DVC itself has to complain of."""
    try:
        found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
    return found


def _holders(noted: dict[str, dict[str, Any]]) -> set[int]:
    writers = [one["pid"] for one in noted.get("write", {}).values() if one]
    return {*writers, *(one["pid"] for several in noted.get("read", {}).values() for one in several)}


def _without(noted: dict[str, dict[str, Any]], pids: set[int]) -> dict[str, dict[str, Any]]:
    write = {path: one for path, one in noted.get("write", {}).items() if one and one["pid"] not in pids}
    read = {path: [one for one in several if one["pid"] not in pids] for path, several in noted.get("read", {}).items()}
    return {"write": write, "read": {path: several for path, several in read.items() if several}}


def _is_zombie(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
