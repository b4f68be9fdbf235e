"""Where a result comes from: code, data versions by DVC's own hashes, machine. No MLflow and no torch here."""

from __future__ import annotations

import configparser
import errno
import fcntl
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from stepwise.params.base import read_yaml
from stepwise.records import file_hash

RESULTS = ("dvc.lock", "metrics", "plots", "report")
"""Committed files that the pipeline itself rewrites: changes to them do not make the code dirty."""
DVC_WAIT = 60.0
"""Most seconds to wait for DVC to finish writing; it takes one or two."""


def root() -> Path:
    """The repository that this process runs in: the nearest folder upwards with a `.dvc`, or the current folder.

    DVC_ROOT is no answer: in a queued experiment it names the repository that the experiment was queued from.
    """
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / ".dvc").is_dir()), here)


def home() -> Path:
    """The repository that outlives the run, where journals and MLflow's database belong.

    DVC runs queued and `--temp` experiments in copies under .dvc/tmp/exps of the repository, which it removes.
    """
    where = root()
    parts = where.parts
    for i in range(len(parts) - 2):
        if parts[i : i + 3] == (".dvc", "tmp", "exps"):
            return Path(*parts[:i])
    return where


def dvc_md5(path: Path) -> str:
    """A file's or folder's hash as DVC writes it to dvc.lock (`.dir` at the end for a folder)."""
    if path.is_file():
        return file_hash(path, "md5")
    files = sorted((file.relative_to(path).as_posix(), file) for file in path.rglob("*") if file.is_file())
    listing = [{"md5": file_hash(file, "md5"), "relpath": name} for name, file in files]
    return hashlib.md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def data_versions(paths: Iterable[str], where: Path) -> dict[str, str]:
    """DVC's hashes of those paths that are outputs in `dvc.lock`, or pointers (`PATH.dvc`), relative to `where`."""
    locked = _locked(where)
    versions: dict[str, str] = {}
    for path in map(str, paths):
        pointer = where / f"{path}.dvc"
        if path in locked:
            versions[path] = locked[path]
        elif pointer.is_file():
            versions[path] = read_yaml(pointer)["outs"][0]["md5"]
    return versions


def locked_stages(where: Path) -> dict[str, dict[str, Any]]:
    """The stages of `dvc.lock` by name: command, dependencies, parameters and outputs with their hashes."""
    lock = where / "dvc.lock"
    if not lock.is_file():
        return {}
    with _while_dvc_does_not_write(where):
        return (read_yaml(lock) or {}).get("stages") or {}


@contextmanager
def _while_dvc_does_not_write(where: Path) -> Iterator[None]:
    """Share DVC's lock of the repository: DVC writes dvc.lock in place, and stages run side by side."""
    path = where / ".dvc" / "tmp" / "lock"
    if not path.is_file():
        yield
        return
    deadline = time.monotonic() + DVC_WAIT
    with path.open("rb") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
                break
            except OSError as error:
                # A file system without locks, or a DVC that never lets go: reading late beats never reading.
                if error.errno not in (errno.EWOULDBLOCK, errno.EAGAIN) or time.monotonic() > deadline:
                    break
                time.sleep(0.02)
        yield


def committed_at(where: Path, path: str) -> float:
    """Unix time of the last commit that changed a file; 0 outside a repository."""
    return float(_git(where, "log", "-1", "--format=%ct", "--", path) or 0)


def _locked(where: Path) -> dict[str, str]:
    outs = [out for stage in locked_stages(where).values() for out in stage.get("outs", [])]
    return {out["path"]: out["md5"] for out in outs if "md5" in out}


def from_cache(md5: str, where: Path) -> Path | None:
    """A folder's version from DVC's cache, linked under `.work/versions`; None when the cache lacks a part of it."""
    version = home() / ".work" / "versions" / md5.removesuffix(".dir")
    if version.is_dir():
        return version
    cache = _cache(where)
    listing = cache / md5[:2] / md5[2:]
    if not listing.is_file():
        return None
    entries = json.loads(listing.read_text(encoding="utf-8"))
    sources = {entry["relpath"]: cache / entry["md5"][:2] / entry["md5"][2:] for entry in entries}
    if not all(source.is_file() for source in sources.values()):
        return None
    building = version.with_name(f".{version.name}.{os.getpid()}.tmp")
    for name, source in sources.items():
        target = building / name
        target.parent.mkdir(parents=True, exist_ok=True)
        _link(source, target)
    building.rename(version)
    return version


def _cache(where: Path) -> Path:
    config = configparser.ConfigParser()
    config.read([where / ".dvc" / "config", where / ".dvc" / "config.local"])
    folder = config.get("cache", "dir", fallback="cache").strip("\"'")
    return where / ".dvc" / folder / "files" / "md5"


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


def code_state(where: Path) -> tuple[str, bool]:
    """Git commit and whether tracked code differs from it; an empty commit outside a repository."""
    commit = _git(where, "rev-parse", "HEAD")
    exclude = [f":(exclude){name}" for name in RESULTS]
    changed = _git(where, "status", "--porcelain", "--untracked-files=no", "--", ".", *exclude)
    return commit or "", bool(changed)


def _git(where: Path, *arguments: str) -> str | None:
    try:
        result = subprocess.run(["git", *arguments], cwd=where, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return result.stdout.strip()


def machine() -> dict[str, str]:
    """Processor, cores this process may use, memory, accelerator and torch version, as text."""
    affinity = getattr(os, "sched_getaffinity", None)
    pages = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": _processor(),
        "cores": str(len(affinity(0)) if affinity else os.cpu_count()),
        "memory_gib": f"{pages / 2**30:.0f}",
        "gpu": _accelerator(),
        "torch": _version("torch"),
        "python": platform.python_version(),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _accelerator() -> str:
    """The GPU's name where this process has loaded torch and sees one; a stage without torch used none."""
    torch = sys.modules.get("torch")
    return torch.cuda.get_device_name(0) if torch and torch.cuda.is_available() else "none"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
