"""What decides a stage's result, and what of it has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwise.tracking import fingerprint
from stepwise.tracking.fingerprint import FileHashes, Fingerprint

SCRIPT = Path("stages/probe.py")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script, a file of the library and an input folder with two files."""
    monkeypatch.chdir(tmp_path)
    for name in (SCRIPT, "src/stepwise/module.py", "data/a", "data/b"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("first")


def take(hashes: FileHashes | None = None, **params: object) -> Fingerprint:
    arguments: dict[str, str | Path] = {"task": "toy", "data": Path("data"), "out": Path("out")}
    return fingerprint.take(SCRIPT, arguments, {"seed": 1, **params}, hashes or FileHashes())


def test_the_key_depends_on_parameters_inputs_and_code_but_not_on_outputs() -> None:
    keys = [take().key]
    Path("out").write_text("result")
    assert take().key == keys[0]
    keys.append(take(seed=2).key)
    for file in ("data/b", "src/stepwise/module.py", SCRIPT):
        Path(file).write_text("changed")
        keys.append(take().key)
    Path("data/a").unlink()
    keys.append(take().key)
    assert len(set(keys)) == 6


def test_changes_are_named() -> None:
    before = take(warm_up={"learning_rate": 0.1, "epochs": 2})
    Path("data/a").unlink()
    Path("data/c").touch()
    Path("src/stepwise/module.py").write_text("changed")
    after = take(warm_up={"learning_rate": 0.2, "epochs": 2, "saves": 3})
    changes = [
        "warm_up.learning_rate was 0.1 and is now 0.2",
        "warm_up.saves was absent and is now 3",
        "data/a has changed",
        "data/c has changed",
    ]
    assert after.changes(before) == changes
    assert after.changes(before, code={"src/stepwise/module.py"}) == [*changes, "src/stepwise/module.py has changed"]
    assert before.changes(before, code=before.code) == []


def test_it_survives_json() -> None:
    taken = take(warm_up={"learning_rate": 1e-5, "layers": [1, 2], "name": "é"})
    assert Fingerprint.from_json(taken.to_json()) == taken


def test_an_unchanged_file_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes = FileHashes()
    before = take(hashes)
    monkeypatch.setattr(fingerprint, "file_hash", lambda path, algorithm: pytest.fail(f"{path} is read again"))
    assert take(hashes) == before
