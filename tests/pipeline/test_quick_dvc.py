"""The quick form of `dvc repro` writes what `dvc repro` writes, and leaves to DVC what DVC has not written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.exceptions import DvcException
from dvc.utils.serialize import load_yaml

from stepwise.pipeline import quick_dvc, scheduler

ROOT = Path(__file__).resolve().parents[2]
PARAMS = {
    "words": ["no", "off", "1:30", "0o17", "1e3", "", "é", " a: b ", "# c", "two\nlines\n", "long " * 40],
    "numbers": {"rate": 1e-06, "half": 0.5, "many": 10**20, "none": None, "yes": True},
    "nested": [{"name": "a", "items": []}, {"name": "b", "items": [{}, [1, [2]]]}],
}
STAGES = {
    "first": {"matrix": {"name": ["a", "b.c"]}, "cmd": "cp source ${item.name}", "deps": ["source"]},
    "folder": {"cmd": f"mkdir -p out && cp a b.c out && echo {'words ' * 30}", "deps": ["a", "b.c"], "outs": ["out"]},
    "last": {"cmd": "ls out > names", "deps": ["out"], "params": list(PARAMS), "outs": ["names"]},
}
STAGES["first"]["outs"] = ["${item.name}"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A DVC project whose parameters are hard to quote."""
    folder = tmp_path / "project"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    subprocess.run(["dvc", "init", "-q"], cwd=folder, check=True)
    (folder / "source").write_text("1")
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": STAGES}))
    (folder / "params.yaml").write_text(yaml.safe_dump(PARAMS, allow_unicode=True))
    (folder / "out").mkdir()
    return folder


def run(folder: Path, *command: str) -> str:
    done = subprocess.run([*command], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout


def test_the_lock_has_the_bytes_that_dvc_writes(project: Path) -> None:
    """First without a lock and for entries of which more and more are there, then for one that replaces another."""
    other = shutil.copytree(project, project.parent / "other", symlinks=True)
    for source, stages in [("1", ("first@b.c", "first@a", "last", "folder")), ("2", ("first@a",))]:
        (other / "source").write_text(source)
        (project / "source").write_text(source)
        run(other, "dvc", "repro", "--single-item", *stages)
        for stage in stages:
            assert f"Running stage '{stage}'" in run(project, *scheduler.DVC, "repro", "--single-item", stage)
        assert (project / "dvc.lock").read_bytes() == (other / "dvc.lock").read_bytes()
    assert "didn't change" in run(project, *scheduler.DVC, "repro", "--single-item", "first@a")
    entries = quick_dvc.read(project / "dvc.lock")
    assert entries is not None
    assert entries["last"]["params"]["params.yaml"] == load_yaml(project / "params.yaml")


@pytest.mark.parametrize("name", ["dvc.lock", "studies/dvc.lock"])
def test_the_committed_locks_can_be_taken_apart(name: str) -> None:
    entries = quick_dvc.read(ROOT / name)
    assert entries is not None
    assert entries.text() == (ROOT / name).read_text()
    expected = load_yaml(ROOT / name)["stages"]
    assert list(entries) == list(expected)
    for stage in list(expected)[::10]:
        text = entries.text()
        entries[stage] = entries[stage]
        assert entries.text() == text
        assert entries[stage] == expected[stage]


ENTRY = "  a:\n    cmd: b\n"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "schema: '1.0'\nstages:\n" + ENTRY,
        quick_dvc.HEAD,
        quick_dvc.HEAD + ENTRY + "# mine\n",
        quick_dvc.HEAD + ENTRY + "datasets: []\n",
        quick_dvc.HEAD + ENTRY + ENTRY,
        quick_dvc.HEAD + f"<<<<<<< HEAD\n{ENTRY}=======\n{ENTRY}>>>>>>> other\n",
        quick_dvc.HEAD + ENTRY + "  b: {cmd: c}\n",
        quick_dvc.HEAD + "  a:\n    cmd: &id001 [b]\n    params: {p: {q: *id001}}\n",
        quick_dvc.HEAD + ENTRY[:-1],
    ],
)
def test_a_file_that_dvc_would_write_otherwise_is_left_to_dvc(tmp_path: Path, text: str) -> None:
    (tmp_path / "dvc.lock").write_text(text)
    assert quick_dvc.read(tmp_path / "dvc.lock") is None


def test_only_a_lock_is_taken_apart(tmp_path: Path) -> None:
    assert quick_dvc.read(tmp_path / "dvc.lock") is None
    (tmp_path / "dvc.yaml").write_text(quick_dvc.HEAD + ENTRY)
    assert quick_dvc.read(tmp_path / "dvc.yaml") is None


@pytest.mark.parametrize("entry", ["  a:\n    cmds: b\n", "  a:\n    cmd: [b\n"])
def test_a_broken_entry_is_an_error_of_dvc(tmp_path: Path, entry: str) -> None:
    (tmp_path / "dvc.lock").write_text(quick_dvc.HEAD + entry)
    entries = quick_dvc.read(tmp_path / "dvc.lock")
    assert entries is not None
    with pytest.raises(DvcException, match=r"dvc\.lock"):
        entries["a"]


def test_parameters_are_parsed_anew_when_they_change_and_nobody_changes_those_of_others() -> None:
    first = quick_dvc.parse("a: [1]", "params.yaml")
    first["a"].append(2)
    assert quick_dvc.parse("a: [1]", "params.yaml") == {"a": [1]}
    assert quick_dvc.parse("a: [3]", "params.yaml") == {"a": [3]}
