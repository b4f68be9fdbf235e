"""A stage killed in the middle goes on where it was, and ends with the bytes of an undisturbed run."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shlex
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.smoke.clones import clone

pytestmark = [pytest.mark.smoke, pytest.mark.slow, pytest.mark.timeout(1600)]
LONGER = [
    "scale=smoke",
    "limits.epochs=6",
    "warm_up.saves=9",
    "backend.batch_tokens=300",
    "reft.steps=9",
    "reft.saves=9",
    "rationalyst_mining.batch_tokens=1",
    "rationalyst_scoring.batch_tokens=1",
]
"""Enough checkpoints and batches to be killed between."""


@pytest.fixture(scope="module")
def longer(finished, tmp_path_factory):
    """The finished clone beside its outputs, with parameters that make stages longer."""
    project, _, _ = finished
    folder = tmp_path_factory.mktemp("kill") / "clone"
    shutil.copytree(project.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(".work", "mlflow.db*"))
    copy = type(project)(folder)
    copy.run("python", "-m", "stepwise.compose", *LONGER)
    return copy


def stage_of(project, name: str) -> tuple[list[str], list[Path]]:
    """The command and outputs of the first stage of a matrix, from dvc.lock."""
    stages = yaml.safe_load((project.folder / "dvc.lock").read_text())["stages"]
    entry = next(stages[key] for key in sorted(stages) if key.startswith(f"{name}@"))
    return shlex.split(entry["cmd"]), [project.folder / out["path"] for out in entry["outs"]]


def digest(paths: list[Path]) -> dict[str, str]:
    """Hash of every file that a stage wrote; `tokens_per_second` and the like are in MLflow, not in files."""
    files = [file for path in paths for file in (sorted(path.rglob("*")) if path.is_dir() else [path])]
    return {str(file): hashlib.sha256(file.read_bytes()).hexdigest() for file in files if file.is_file()}


def remove(paths: list[Path]) -> None:
    for path in paths:
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def kill_when(project, command: list[str], reached: Callable[[], bool]) -> None:
    process = project.start(*command, STEPWISE_TRACKING="off")
    while not reached():
        assert process.poll() is None, f"it ended before it could be killed\n{process.communicate()[0]}"
        time.sleep(0.002)
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("stage", "kills"), [("warm_up", 1), ("reft_train", 3)])
def test_training(longer, stage: str, kills: int):
    """Each kill comes one or two checkpoints after the last, so always between the first and the last of nine."""
    command, outs = stage_of(longer, stage)
    longer.run(*command, STEPWISE_TRACKING="off")
    undisturbed = digest(outs)
    remove(outs)
    work = longer.folder / ".work" / stage

    def saved() -> set[str]:
        return {path.name for path in work.glob("*/training/checkpoint-*")}

    seen: set[str] = set()
    for _ in range(kills):
        wanted = len(seen) + random.SystemRandom().randint(1, 2)

        def reached(wanted: int = wanted) -> bool:
            seen.update(saved())
            return len(seen) >= wanted

        kill_when(longer, command, reached)
        assert not any(path.exists() for path in outs)
    assert "going on after step" in longer.run(*command, STEPWISE_TRACKING="off")
    assert digest(outs) == undisturbed


@pytest.mark.parametrize(("stage", "batches"), [("evaluate", 6), ("rationalyst_mine", 1), ("rationalyst_score", 1)])
def test_a_journalled_pass(longer, tmp_path: Path, stage: str, batches: int):
    """Killed after one to `batches` of its batches, of which it has more."""
    command, outs = stage_of(longer, stage)
    longer.run(*command, STEPWISE_TRACKING="off")
    undisturbed = digest(outs)
    remove(outs)
    work = longer.folder / ".work" / stage
    wanted = random.SystemRandom().randint(1, batches)

    def journals() -> list[Path]:
        return sorted(work.glob("*/journal/*.jsonl"))

    kill_when(longer, command, lambda: sum(path.read_bytes().count(b"\n") for path in journals()) >= wanted)
    assert not any(path.exists() for path in outs)
    kept = {}
    for path in journals():
        os.link(path, tmp_path / path.name)  # the stage clears its work in the end; the link still shows the journal
        whole = path.read_bytes()
        kept[path.name] = whole[: whole.rindex(b"\n") + 1] if b"\n" in whole else b""
    longer.run(*command, STEPWISE_TRACKING="off")
    assert digest(outs) == undisturbed
    for name, before in kept.items():
        after = (tmp_path / name).read_bytes()
        keys = [json.loads(line)["key"] for line in after.splitlines()]
        assert after.startswith(before)
        assert len(keys) == len(set(keys)), "a batch that the journal has was made again"


def test_make_repro_goes_on_after_a_kill(project, tmp_path: Path):
    """kill -9 of everything, DVC included; the next run is not in the way of what is left, and makes the same."""
    other = clone(project.folder, tmp_path / "other")
    narrow = ["python", "-m", "stepwise.pipeline", "--scale", "smoke", "--method", "prepare_tasks"]
    process = other.start(*narrow, own_group=True)
    while not list(other.folder.glob("data/tasks/*/train.jsonl")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    other.run(*narrow)
    ours, theirs = (yaml.safe_load((one.folder / "dvc.lock").read_text())["stages"] for one in (other, project))
    made = [key for key in ours if key.startswith("prepare_tasks@")]
    assert made
    assert all(ours[key]["outs"] == theirs[key]["outs"] for key in made)
