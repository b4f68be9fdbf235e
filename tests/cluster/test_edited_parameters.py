"""Parameters edited while a stage waits or runs as a Slurm job: one clear error, and no work is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cluster.clusters import REPO, install

SCRIPT = '''
import time
from pathlib import Path
from stepwise.stage import Run, stage

@stage(params=("seed", "warm_up"))
def main(run: Run, *, out: Path) -> None:
    """Writes the seed once there is a file `free`."""
    with (run.work / "journal").open("a") as journal:
        journal.write("begun\\n")
    while not Path("free").exists():
        time.sleep(0.02)
    (run.work / "finished").write_text(str(run.params.seed) + " " + (run.work / "journal").read_text())
    run.publish(run.work / "finished", out)

if __name__ == "__main__":
    main()
'''


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cluster of a project with one stage, whose seed is 1."""
    project = tmp_path / "project"
    (project / "stages").mkdir(parents=True)
    (project / "src" / "stepwise").mkdir(parents=True)
    (project / "stages" / "probe.py").write_text(SCRIPT)
    monkeypatch.chdir(project)
    params = yaml.safe_load((REPO / "params.yaml").read_text())
    edit(params, seed=1, launcher={**params["launcher"], "kind": "slurm", "poll_seconds": 0.1})
    return install(tmp_path, project, monkeypatch)


def edit(params: dict[str, object] | None = None, **changes: object) -> None:
    """Write params.yaml with changes to what it has, or to `params`."""
    path = Path("params.yaml")
    path.write_text(yaml.safe_dump((params or yaml.safe_load(path.read_text())) | changes))


def start() -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(REPO / "src"), "STEPWISE_TRACKING": "off"}
    command = [sys.executable, "stages/probe.py", "--out", "out"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, errors = process.communicate(timeout=60)
    return process.returncode, errors


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.05)
    pytest.fail("waited 30 s")


def journals() -> list[Path]:
    return list(Path(".work/probe").glob("*/journal"))


def test_edited_while_the_job_waits_in_the_queue(cluster: Path) -> None:
    Path("free").touch()
    (cluster / "full").touch()
    process = start()
    wait_for(lambda: (cluster / "100").exists())
    edit(seed=2)
    (cluster / "full").unlink()
    code, errors = finish(process)
    assert code == 2
    assert "probe: seed was 1 and is now 2: this happened while the job waited in the queue." in errors
    assert not Path("out").exists()
    assert not journals(), "it did not even begin"
    code, errors = finish(start())
    assert code == 0, errors
    assert Path("out").read_text() == "2 begun\n"


def test_edited_while_the_job_runs(cluster: Path) -> None:
    process = start()
    wait_for(journals)
    warm_up = yaml.safe_load(Path("params.yaml").read_text())["warm_up"]
    edit(warm_up={**warm_up, "learning_rate": 0.25})
    Path("free").touch()
    code, errors = finish(process)
    assert code == 2
    rate = warm_up["learning_rate"]
    assert f"warm_up.learning_rate was {rate} and is now 0.25: this happened while the stage was running." in errors
    assert not Path("out").exists()
    edit(warm_up=warm_up)
    code, errors = finish(start())
    assert code == 0, errors
    assert Path("out").read_text() == "1 begun\nbegun\n", "the second job found the work of the first"


def test_edited_between_the_jobs_end_and_the_launchers_next_look(cluster: Path) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    edit(launcher={**params["launcher"], "poll_seconds": 4.0})
    process = start()
    wait_for(journals)
    Path("free").touch()
    wait_for(lambda: list(Path(".work/slurm").glob("*/code")))
    edit(seed=2)
    code, errors = finish(process)
    assert code == 2
    assert "seed was 1 and is now 2" in errors
    edit(seed=1)
    Path("out").unlink()  # as `dvc repro` does before it runs a stage again
    code, errors = finish(start())
    assert code == 0, errors
    assert "re-attached to job 100" in errors
    assert Path("out").read_text() == "1 begun\n"
