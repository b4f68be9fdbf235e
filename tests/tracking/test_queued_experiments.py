"""Experiments that DVC runs in copies of the repository: their results reach its MLflow and overwrite nothing there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from stepwise import tracking
from stepwise.tracking import mlflow_sync

ROOT = Path(__file__).resolve().parents[2]
MODEL = "models/warm_up/toy-tiny"
URI = "models:/warm_up-toy-tiny@champion"

SCRIPT = '''
from pathlib import Path
from stepwise.stage import Run, stage

@stage(params=("seed",))
def main(run: Run, *, out: Path) -> None:
    """A model whose weights are the seed, and which answers as many dev problems."""
    (run.work / "model").mkdir()
    (run.work / "model" / "weights").write_text(str(run.params.seed))
    run.publish(run.work / "model", out)
    run.log(accuracy=run.params.seed / 40)
    run.register("warm_up", "toy", "tiny", folder=out, dev={f"dev-{i:02d}": i < run.params.seed for i in range(40)})

if __name__ == "__main__":
    main()
'''


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose only stage has run with seed 20: its model is the champion."""
    folder = tmp_path / "repository"
    (folder / "stages").mkdir(parents=True)
    (folder / "stages" / "train.py").write_text(SCRIPT)
    parameters = yaml.safe_load((ROOT / "params.yaml").read_text()) | {"seed": 20, "scale": "default"}
    (folder / "params.yaml").write_text(yaml.safe_dump(parameters))
    train = {"cmd": f"python stages/train.py --out {MODEL}", "deps": ["stages/train.py"], "params": ["seed"]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": {**train, "outs": [MODEL]}}}))
    (folder / ".gitignore").write_text(f"/.work/\n/mlflow.db\n/mlruns/\n/{MODEL}\n")
    monkeypatch.chdir(folder)
    for name in [name for name in os.environ if name.startswith(("DVC_", "MLFLOW_", "STEPWISE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))
    run("git", "init", "-q")
    run("git", "config", "user.name", "t")
    run("git", "config", "user.email", "t@localhost")
    run("dvc", "init", "-q")
    commit()
    run("dvc", "repro", "-q")
    commit()
    return folder


def run(*command: str) -> str:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{' '.join(command)}\n{result.stdout}{result.stderr}"
    return result.stdout


def commit() -> None:
    run("git", "add", "--all")
    run("git", "commit", "-qm", "state")


def versions() -> dict[str, dict[str, str]]:
    versions = mlflow_sync._client().search_model_versions("name = 'warm_up-toy-tiny'")
    return {str(version.version): dict(version.tags) for version in versions}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_queued_and_temporary_experiments_do_not_rewrite_the_champions_tags(repository: Path) -> None:
    """They add versions and runs. One of the queued models is better, so it becomes the champion."""
    before = versions()
    assert before["1"]["accuracy"] == "0.5"
    assert tracking.load(URI) == repository / MODEL
    run("dvc", "exp", "run", "--temp", "--name", "weak", "-S", "seed=10")
    run("dvc", "exp", "run", "--queue", "--name", "equal", "-S", "seed=21")
    run("dvc", "exp", "run", "--queue", "--name", "strong", "-S", "seed=40")
    run("dvc", "queue", "start", "--jobs", "2")
    try:
        while {"Running", "Queued"} & set(run("dvc", "queue", "status").split()):
            time.sleep(0.5)
    finally:
        run("dvc", "queue", "stop", "--kill")
    experiments = {"weak", "equal", "strong"}
    assert experiments <= set(run("dvc", "exp", "list", "--name-only").split()), run("dvc", "queue", "status")
    assert (repository / MODEL / "weights").read_text() == "20"

    after = versions()
    assert after["1"] == before["1"]
    right = {tags["accuracy"]: tags["dev"].partition(":")[2].count("1") for tags in after.values()}
    assert right == {"0.5": 20, "0.25": 10, "0.525": 21, "1": 40}
    assert len({tags["dvc.md5"] for tags in after.values()}) == 4
    client = mlflow_sync._client()
    runs = client.search_runs([mlflow_sync._experiment(client)])
    assert {run.data.tags.get("dvc.experiment", "") for run in runs} == {"", *experiments}
    assert len(list((repository / ".work" / "tracking").glob("*.json"))) == 4
    assert (tracking.load(URI) / "weights").read_text() == "40", "out of DVC's cache"
