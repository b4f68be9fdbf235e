"""A stage killed in the middle resumes, and ends with the bytes of an undisturbed run."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import time
from pathlib import Path

import pytest
import yaml

from tests.kills import Stage, survives_a_kill_in_a_pass, survives_kills_in_training
from tests.smoke.clones import clone, stages_run

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
    """The finished clone beside its outputs, with parameters that make stages longer, and the output of its run."""
    project, output, _ = finished
    folder = tmp_path_factory.mktemp("kill") / "clone"
    shutil.copytree(project.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(".work", "mlflow.db*"))
    copy = type(project)(folder)
    copy.run("python", "-m", "stepwise.params.compose", *LONGER)
    return copy, output


def stage_of(longer, name: str) -> Stage:
    """The first stage of a matrix that the smoke scale runs."""
    project, output = longer
    stages = yaml.safe_load((project.folder / "dvc.lock").read_text())["stages"]
    entry = next(stages[key] for key in sorted(stages_run(output)) if key.startswith(f"{name}@"))
    return Stage(
        start=lambda: project.start(*shlex.split(entry["cmd"]), STEPWISE_TRACKING="off"),
        work=project.folder / ".work" / name,
        outs=[project.folder / out["path"] for out in entry["outs"]],
    )


@pytest.mark.parametrize(("stage", "kills"), [("warm_up", 1), ("reft_train", 3)])
def test_training(longer, stage: str, kills: int):
    survives_kills_in_training(stage_of(longer, stage), kills)


@pytest.mark.parametrize("stage", ["evaluate", "rationalyst_mine", "rationalyst_score"])
def test_a_journalled_pass(longer, tmp_path: Path, stage: str):
    survives_a_kill_in_a_pass(stage_of(longer, stage), "*/journal/*.jsonl", tmp_path)


def test_make_repro_resumes_after_a_kill(project, tmp_path: Path):
    """kill -9 of everything, DVC included; the next run is not in the way of what is left, and makes the same."""
    other = clone(project.folder, tmp_path / "other")
    narrow = ["python", "-m", "stepwise.pipeline.repro", "--scale", "smoke", "--method", "prepare_tasks"]
    process = other.start(*narrow, own_group=True)
    while not list(other.folder.glob("data/tasks/*/train.jsonl")):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    other.run(*narrow)
    ours, theirs = (yaml.safe_load((clone.folder / "dvc.lock").read_text())["stages"] for clone in (other, project))
    prepared = [key for key in ours if key.startswith("prepare_tasks@")]
    assert prepared
    assert all(ours[key]["outs"] == theirs[key]["outs"] for key in prepared)
