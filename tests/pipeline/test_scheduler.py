"""Stages in parallel: their order, how many at once, what a failure stops, and all of it in a real DVC project."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import yaml

from stepwise.pipeline import scheduler

DIAMOND = {"a": set(), "b": {"a"}, "c": {"a"}, "d": {"b", "c"}}


class Runner:
    """Runs a stage by waiting a little, or fails at once; records what began and ended, and how many ran at once."""

    def __init__(self, **codes: int) -> None:
        self.codes = codes
        self.events: list[tuple[str, str]] = []
        self.lock = threading.Lock()
        self.running = self.most = 0

    def __call__(self, stage: str) -> int:
        self._note("begin", stage, 1)
        time.sleep(0 if stage in self.codes else 0.2)
        self._note("end", stage, -1)
        return self.codes.get(stage, 0)

    def _note(self, what: str, stage: str, change: int) -> None:
        with self.lock:
            self.events.append((what, stage))
            self.running += change
            self.most = max(self.most, self.running)

    def begun(self) -> list[str]:
        return [stage for what, stage in self.events if what == "begin"]


@pytest.mark.parametrize(("jobs", "most"), [(1, 1), (2, 2), (8, 2)])
def test_a_stage_waits_for_its_dependencies_and_the_others_share_the_jobs(jobs: int, most: int) -> None:
    runner = Runner()
    assert scheduler.run(DIAMOND, jobs, runner) == []
    assert runner.most == most
    for stage, dependencies in DIAMOND.items():
        begin = runner.events.index(("begin", stage))
        assert all(runner.events.index(("end", dependency)) < begin for dependency in dependencies)


def test_the_longest_chain_goes_first() -> None:
    runner = Runner()
    scheduler.run({"short": set(), "long": set(), "longer": {"long"}, "longest": {"longer"}}, 1, runner)
    assert runner.begun() == ["long", "longer", "short", "longest"]


def test_after_a_failure_running_stages_end_and_no_more_start(capsys: pytest.CaptureFixture[str]) -> None:
    runner = Runner(b=3)
    assert scheduler.run({**DIAMOND, "e": {"c"}}, 2, runner) == ["b"]
    assert sorted(runner.begun()) == ["a", "b", "c"]
    assert runner.running == 0
    assert "2 of 5 stages are done, 0 running" in capsys.readouterr().err


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two stages that read one file, one that reads their outputs, and one that reads nothing."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    subprocess.run(["dvc", "init", "-q"], check=True)
    (tmp_path / "source").write_text("1")
    wait = "for i in $(seq 200); do [ -e {other}.begun ] && break; sleep 0.1; done"
    meet = f"touch {{mine}}.begun; {wait}; cp source {{mine}}"
    stages = {
        "left": {"cmd": meet.format(mine="left", other="right"), "deps": ["source"], "outs": ["left"]},
        "right": {"cmd": meet.format(mine="right", other="left"), "deps": ["source"], "outs": ["right"]},
        "both": {"cmd": "cat left right > both", "deps": ["left", "right"], "outs": ["both"]},
        "alone": {"cmd": "echo é > alone", "outs": ["alone"]},
    }
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    return tmp_path


def run_stage(stage: str) -> int:
    return scheduler.dvc_repro(stage, os.environ)


def test_stale_stages_run_in_parallel_and_are_then_up_to_date(project: Path, capfd: pytest.CaptureFixture[str]):
    """Left and right wait for each other's start, so one after the other would take forty seconds."""
    stale = scheduler.stale(())
    assert stale == {"left": set(), "right": set(), "both": {"left", "right"}, "alone": set()}
    begun = time.monotonic()
    assert scheduler.run(stale, 2, run_stage) == []
    assert time.monotonic() - begun < 20
    assert (project / "both").read_text() == "11"
    assert sorted(yaml.safe_load((project / "dvc.lock").read_text())["stages"]) == ["alone", "both", "left", "right"]
    assert scheduler.stale(()) == {}
    output = capfd.readouterr().err
    assert "both | > cat left right > both\n" in output
    assert "git add" not in output


def test_stale_names_what_depends_on_a_change_and_only_what_the_patterns_want(project: Path) -> None:
    scheduler.run(scheduler.stale(()), 2, run_stage)
    (project / "left").unlink()
    assert scheduler.stale(()) == {"left": set(), "both": {"left"}}
    assert scheduler.stale(["alone"]) == {}
    assert scheduler.stale(["bo*"]) == {"left": set(), "both": {"left"}}


def test_stages_of_another_file(project: Path) -> None:
    (project / "studies").mkdir()
    study = {"cmd": "cp both study", "wdir": "..", "deps": ["both"], "outs": ["study"]}
    (project / "studies" / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"study": study}}))
    assert "studies/dvc.yaml:study" not in scheduler.stale(())
    stale = scheduler.stale((), "studies/dvc.yaml")
    assert stale == {"left": set(), "right": set(), "both": {"left", "right"}, "studies/dvc.yaml:study": {"both"}}
    assert scheduler.run(stale, 2, run_stage) == []
    assert (project / "study").read_text() == "11"


def test_a_stage_that_fails_says_why(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    stages = yaml.safe_load((project / "dvc.yaml").read_text())
    stages["stages"]["alone"]["cmd"] = "echo no more room >&2; exit 7"
    (project / "dvc.yaml").write_text(yaml.safe_dump(stages))
    assert scheduler.run(scheduler.stale(["alone"]), 2, run_stage) == ["alone"]
    output = capfd.readouterr().err
    assert "alone | no more room\n" in output
    assert "failed to run: echo no more room >&2; exit 7" in output


def test_an_interrupt_ends_the_stages_at_work(project: Path) -> None:
    stages = {name: {"cmd": f"touch {name}.begun; sleep 60", "outs": [name]} for name in ("left", "right", "next")}
    stages["next"]["deps"] = ["left"]
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    code = (
        "import functools, os, signal; from stepwise.pipeline import scheduler; "
        "signal.signal(signal.SIGINT, signal.default_int_handler);"  # a shell's background job would ignore it
        "scheduler.run(scheduler.stale(()), 2, functools.partial(scheduler.dvc_repro, environment=os.environ))"
    )
    process = subprocess.Popen([sys.executable, "-c", code], start_new_session=True, stderr=subprocess.PIPE)
    while len(list(project.glob("*.begun"))) < 2:
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, output = process.communicate(timeout=30)
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in output
    assert not (project / "next.begun").exists()
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def test_a_broken_pipeline_is_named(project: Path) -> None:
    (project / "dvc.yaml").write_text("stages: {left: {deps: [source]}}")
    with pytest.raises(scheduler.SchedulerError, match=r"dvc\.yaml"):
        scheduler.stale(())
