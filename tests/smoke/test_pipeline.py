"""The real pipeline at smoke scale in an empty clone: a first run, a second without work, a remote, an experiment."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
import yaml
from filelock import FileLock

from tests.smoke.clones import clone, core_seconds, stages_run

pytestmark = [pytest.mark.smoke, pytest.mark.slow, pytest.mark.timeout(1600)]
RAN = "Running stage"
CORES = 1.6
"""How many cores two stages at once keep busy: 321 s of a core in 196 s of the clock, on two idle ones."""


def has_entries(stage: dict, params: dict) -> bool:
    """Whether no list that the stage is repeated for is empty, as those of what only larger scales run."""
    lists = [stage["foreach"]] if "foreach" in stage else list(stage.get("matrix", {}).values())
    return all(params[entries[2:-1]] if isinstance(entries, str) else entries for entries in lists)


@pytest.mark.alone
def test_the_pipeline_runs_in_an_empty_clone(finished):
    project, output, seconds = finished
    stages = yaml.safe_load((project.folder / "dvc.yaml").read_text())["stages"]
    params = yaml.safe_load((project.folder / "params.yaml").read_text())
    ran = {stage.partition("@")[0] for stage in stages_run(output)}
    assert ran == {name for name, stage in stages.items() if has_entries(stage, params)}
    assert list((project.folder / "metrics" / "evaluate").rglob("*.json"))
    assert seconds < 720 * CORES, f"{seconds:.0f} s of a core; the smoke scale has 12 minutes of {CORES}"


def test_it_ends_with_the_table(finished):
    project, output, _ = finished
    table = project.run("python", "-m", "stepwise", "report")
    assert table.strip()
    assert output.rstrip().endswith(table.rstrip())


@pytest.mark.alone
def test_a_second_run_does_nothing(finished):
    """Most of a second run is imports: a few seconds, by the speed of the machine on which the first took so long."""
    project, _, seconds = finished
    begun = core_seconds()
    output = project.make_repro()
    assert RAN not in output
    assert core_seconds() - begun < seconds / 20


def test_a_second_one_at_the_same_time_is_refused(project):
    with FileLock(project.folder / ".work" / "repro.lock"):
        output = project.run("python", "-m", "stepwise.pipeline.repro", fails=True)
    assert output == "make repro: another one is running in this folder; wait for it or stop it. Nothing was changed.\n"


def test_one_method_alone(project):
    output = project.run("python", "-m", "stepwise.pipeline.repro", "--method", "warm_up")
    assert RAN not in output
    output = project.run("python", "-m", "stepwise.pipeline.repro", "--method", "none_such", fails=True)
    assert "no stages of METHOD=none_such" in output


def test_a_smoke_model_is_registered_but_never_champion(finished):
    """One model for each stage that registers its own; an oracle comments on generators of other stages."""
    project, output, _ = finished
    code = (
        "import mlflow; from stepwise import tracking; client = mlflow.MlflowClient(tracking.address());"
        "models = client.search_registered_models();"
        "print(len(models), sum('champion' in model.aliases for model in models))"
    )
    count, champions = map(int, project.run("python", "-c", code).split()[-2:])
    lock = yaml.safe_load((project.folder / "dvc.lock").read_text())["stages"]
    commands = [lock[stage]["cmd"].split() for stage in stages_run(output) if "_oracle" not in lock[stage]["cmd"]]
    assert count == sum("run.register(" in (project.folder / command[1]).read_text() for command in commands)
    assert champions == 0


def test_what_is_pulled_from_a_remote_is_up_to_date(project, tmp_path: Path):
    project.run("dvc", "remote", "add", "--force", "--default", "shared", str(tmp_path / "remote"))
    project.run("dvc", "push")
    project.commit("Results at smoke scale")
    other = clone(project.folder, tmp_path / "other")
    other.run("dvc", "pull", "dvc.yaml")  # the studies are not part of a run
    assert "up to date" in other.run("dvc", "status", "dvc.yaml")
    assert RAN not in other.run("dvc", "repro")
    command = ("solve", "--model", "models:/warm_up-word_problems-tiny/1", "--question", "Tom has 3 apples. How many?")
    assert "Answer:" in other.run("python", "-m", "stepwise", *command)


def test_an_experiment_can_be_compared(project):
    """Last but for the kills: it leaves the clone at its own parameters."""
    project.commit("Before the experiment")
    changes = ("-S", "scale=smoke", "-S", "evaluate.temperature=0.5")
    evaluation = "evaluate@warm_up-word_problems-tiny"
    output = project.run("dvc", "exp", "run", "--name", "cold", *changes, evaluation)
    assert stages_run(output) == [evaluation]
    table = list(csv.DictReader(io.StringIO(project.run("dvc", "exp", "show", "--csv"))))
    assert "cold" in {row["Experiment"] for row in table}
    assert "metrics/evaluate/warm_up/" in project.run("dvc", "metrics", "diff", "--all")
