"""Locks are complete, no file names a machine's own paths, and committed results belong to the committed code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))
MACHINE_PATH = re.compile(r"(?<![\w.$}~/-])/(?:root|home|Users|work|farm|opt|mnt|scratch)/\w")
MAY_NAME_PATHS = ("tests/", "src/stepwise/tasks/sandbox/jail/")
"""The corpus of escape attempts tries to read such places."""


def tracked() -> list[str]:
    listing = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listing.stdout.splitlines() if (ROOT / name).is_file()]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_locked_package_has_an_exact_version_and_a_hash(lock: Path) -> None:
    packages = re.findall(r"^\S.*(?:\n[ \t]+.*)*", lock.read_text(), flags=re.MULTILINE)
    assert packages
    for package in packages:
        assert re.match(r"[A-Za-z0-9_.-]+==\S+", package), package.splitlines()[0]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", package), package.splitlines()[0]


def test_locks_name_no_index() -> None:
    text = "".join(path.read_text() for path in [*LOCKS, *(ROOT / "requirements").glob("*.in")])
    assert "://" not in text
    assert not re.search(r"^\s*-", re.sub(r"^\s+--hash=.*$", "", text, flags=re.MULTILINE), flags=re.MULTILINE)


@pytest.mark.parametrize("source", sorted((ROOT / "requirements").glob("*.in")), ids=lambda path: path.name)
def test_every_pin_is_exact_and_locked(source: Path) -> None:
    locked = "\n".join(path.read_text().lower() for path in LOCKS)
    for line in source.read_text().splitlines():
        if line and not line.startswith("#"):
            pin = line.split("#")[0].strip()
            assert re.fullmatch(r"[a-z0-9-]+==[0-9a-z.]+", pin), line
            assert re.search(rf"^{re.escape(pin)}(\s|$)", locked, flags=re.MULTILINE), f"{pin}: `make lock`"


def test_every_pin_has_its_reason() -> None:
    lines = (ROOT / "requirements" / "base.in").read_text().splitlines()
    assert all("#" in line for line in lines if line)


def test_cuda_packages_have_a_lock_of_their_own() -> None:
    base = (ROOT / "requirements" / "base.lock").read_text()
    assert not re.search(r"^(torch|triton|nvidia-|cuda-)", base, flags=re.MULTILINE)


def test_no_file_names_a_machines_own_paths() -> None:
    lines = []
    for name in tracked():
        if name.startswith(MAY_NAME_PATHS) or name.endswith((".lock", ".safetensors")):
            continue
        for number, line in enumerate((ROOT / name).read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if MACHINE_PATH.search(line):
                lines.append(f"{name}:{number}: {line.strip()[:80]}")
    assert not lines, "\n".join(lines)


@pytest.mark.slow
def test_committed_results_are_those_of_the_committed_code() -> None:
    """dvc.lock's hashes of code and parameters against the files; data may be absent in a fresh clone."""
    assert (ROOT / "dvc.lock").is_file(), "dvc.lock is missing: `make repro`, then commit it with metrics/ and plots/"
    dvc = Path(sys.executable).with_name("dvc")
    done = subprocess.run([dvc, "status", "--json"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours = tracked()
    stale: dict[str, list[str]] = {}
    for stage, changes in json.loads(done.stdout).items():
        for change in changes:
            if change == "changed command":
                stale.setdefault(stage, []).append("command")
            elif isinstance(change, dict):
                for path in change.get("changed deps", {}):
                    if any(name == path or name.startswith(path + "/") for name in ours):
                        stale.setdefault(stage, []).append(path)
    assert not stale, "`make repro` and commit; changed since the results were made: " + yaml.safe_dump(stale)
