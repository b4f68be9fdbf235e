import os
import socket
import sys
import time
from pathlib import Path

import pytest

from stepwise.tracking import Registration, StageRun, mlflow_sync, provenance
from stepwise.tracking.registry import challenge
from stepwise.tracking.runs import RunError, journals, read_journal

DEV = [f"toy-dev-{i}" for i in range(40)]


def stage_run(key="k1", scale="default", **more):
    return StageRun(
        stage="warm_up",
        key=key,
        arguments={"task": "toy", "model": "tiny", "data": "data/tasks/toy", "out": "models/x", "curve": "plots/x"},
        params={"seed": 1, "warm_up": {"learning_rate": 0.001, "lora": {"targets": ["q", "v"]}}},
        scale=scale,
        started=more.pop("started", 1000.0),
        ended=1010.5,
        **more,
    )


def trained(root: Path, weights: str, right: int, **more):
    """A run that registers a model with these weights, which answers so many dev problems."""
    folder = root / "models" / "toy-tiny"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_text(weights)
    registration = Registration(
        "warm_up",
        "toy",
        "tiny",
        "models/toy-tiny",
        {"accuracy": right / 40, "maj@4": 0.5},
        {name: i < right for i, name in enumerate(DEV)},
    )
    return stage_run(registration=registration, **more)


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A prepared SQLite database: creating one takes seconds."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{path}")
        patch.chdir(path.parent)
        mlflow_sync.prepare()
        assert path.is_file()
    return path


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A repository with a data version and no MLflow yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("STEPWISE_TRACKING", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / "dvc.lock").write_text(
        "stages:\n  prepare_tasks@toy:\n    outs:\n    - {path: data/tasks/toy, md5: " + "ab" * 16 + ".dir}\n"
    )
    return tmp_path


@pytest.fixture
def mlflow_client(root, database, monkeypatch):
    """The root with a copy of the prepared database, and a client to look into it."""
    (root / "mlflow.db").write_bytes(database.read_bytes())
    return mlflow_sync._client()


def runs(client):
    return client.search_runs([client.get_experiment_by_name("stepwise").experiment_id])


def test_a_run_arrives_whole(root, mlflow_client, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "brisk-fox")
    history = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0, "dev_accuracy": 0.25}]
    mlflow_sync.record(stage_run(metrics={"accuracy": 0.5, "maj@4": 0.75}, history=history))
    (run,) = runs(mlflow_client)
    assert run.info.run_name == "warm_up toy tiny"
    assert (run.info.status, run.info.start_time, run.info.end_time) == ("FINISHED", 1_000_000, 1_010_500)
    assert run.data.params == {"seed": "1", "warm_up.learning_rate": "0.001", "warm_up.lora.targets": '["q", "v"]'}
    assert run.data.metrics == {"accuracy": 0.5, "maj_at_4": 0.75, "seconds": 10.5, "loss": 1.0, "dev_accuracy": 0.25}
    curve = mlflow_client.get_metric_history(run.info.run_id, "loss")
    assert [(point.step, point.value) for point in curve] == [(1, 2.0), (2, 1.0)]
    (data,) = run.inputs.dataset_inputs
    assert (data.dataset.name, data.dataset.digest) == ("data/tasks/toy", "md5:" + "ab" * 16)
    assert [(tag.key, tag.value) for tag in data.tags] == [("dvc.md5", "ab" * 16 + ".dir")]
    tags = run.data.tags
    assert (tags["task"], tags["scale"], tags["git.dirty"], tags["dvc.experiment"]) == (
        "toy",
        "default",
        "false",
        "brisk-fox",
    )
    assert tags["dvc.lock"] == provenance.dvc_md5(root / "dvc.lock")
    assert tags["machine.torch"].startswith("2.")
    assert os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] == "false"


def test_without_mlflow_the_journal_waits_and_sync_changes_nothing_twice(root, database, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://localhost:9")
    mlflow_sync.record(stage_run("k1"))
    mlflow_sync.record(trained(root, "w", 20, key="k2", started=2000.0))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "localhost:9 does not answer" in lines[0]
    assert "stepwise sync" in lines[0]
    with pytest.raises(mlflow_sync.TrackingError, match="does not answer"):
        mlflow_sync.sync()

    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    (root / "mlflow.db").write_bytes(database.read_bytes())
    assert [key.split("-")[1] for key in mlflow_sync.sync()] == ["k1", "k2"]
    client = mlflow_sync._client()

    def everything():
        versions = client.search_model_versions("name = 'warm_up-toy-tiny'")
        return [run.to_dictionary() for run in runs(client)], [(v.version, v.tags, v.aliases) for v in versions]

    before = everything()
    assert len(before[0]) == 2
    assert len(before[1]) == 1
    assert mlflow_sync.sync() == []
    mlflow_sync.record(stage_run("k1"))
    assert everything() == before


def test_a_run_half_sent_is_completed(root, mlflow_client):
    journal = trained(root, "w", 20)
    journal.complete()
    experiment = mlflow_client.get_experiment_by_name("stepwise").experiment_id
    mlflow_client.create_run(experiment, tags={"stepwise.key": journal.run_key})
    assert mlflow_sync.send(mlflow_client, journal)
    (run,) = runs(mlflow_client)
    assert run.info.status == "FINISHED"
    assert run.data.tags["stepwise.champion"] == "version 1 is the first champion"
    assert not mlflow_sync.send(mlflow_client, journal)


def test_tracking_later_and_off(root, monkeypatch):
    monkeypatch.setenv("STEPWISE_TRACKING", "off")
    mlflow_sync.record(stage_run())
    assert not journals().exists()
    monkeypatch.setenv("STEPWISE_TRACKING", "later")
    mlflow_sync.record(trained(root, "w", 20))
    (journal,) = journals().glob("*.json")
    assert not (root / "mlflow.db").exists()
    assert read_journal(journal).registration.name == "warm_up-toy-tiny"
    journal.write_text("{}")
    with pytest.raises(RunError, match="run its stage again"):
        read_journal(journal)


def test_the_registry_points_at_the_folder_that_dvc_has(root, mlflow_client):
    import mlflow

    mlflow_sync.record(trained(root, "first", 20))
    uri = "models:/warm_up-toy-tiny@champion"
    folder = root / "models" / "toy-tiny"
    assert mlflow_sync.load(uri) == folder
    assert Path(mlflow.artifacts.download_artifacts(uri)) == folder
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]
    (version,) = mlflow_client.search_model_versions("name = 'warm_up-toy-tiny'")
    assert version.tags["accuracy"] == "0.5"
    assert version.tags["maj_at_4"] == "0.5"
    assert version.tags["dvc.md5"] == provenance.dvc_md5(folder)
    assert version.run_id == runs(mlflow_client)[0].info.run_id
    (folder / "model.safetensors").write_text("overwritten")
    with pytest.raises(mlflow_sync.TrackingError, match="holds another version and the DVC cache lacks"):
        mlflow_sync.load(uri)


def test_the_same_weights_are_one_version(root, mlflow_client):
    mlflow_sync.record(trained(root, "same", 20, key="k1"))
    (before,) = mlflow_client.search_model_versions("name = 'warm_up-toy-tiny'")
    mlflow_sync.record(trained(root, "same", 21, key="k2"))
    (version,) = mlflow_client.search_model_versions("name = 'warm_up-toy-tiny'")
    assert version.tags == before.tags, "tags of a version never change"
    assert {run.data.tags["stepwise.champion"] for run in runs(mlflow_client)} == {
        "version 1 is the first champion",
        "version 1 is the champion",
    }


def test_a_champion_examined_on_other_problems_is_compared_on_those(root, mlflow_client):
    """Its tags cannot change, so the same weights with the new examination are a version beside it."""
    mlflow_sync.record(trained(root, "first", 10, key="k1"))
    again = trained(root, "first", 10, key="k2")
    again.registration.dev.update({"toy-dev-40": True})
    mlflow_sync.record(again)
    better = trained(root, "second", 40, key="k3")
    better.registration.dev.update({"toy-dev-40": True})
    mlflow_sync.record(better)
    assert len(mlflow_client.search_model_versions("name = 'warm_up-toy-tiny'")) == 3
    outcomes = [run.data.tags["stepwise.champion"] for run in runs(mlflow_client)]
    assert "version 2 is the champion" in outcomes
    assert any(outcome.startswith("version 3 beats the champion on dev by") for outcome in outcomes)


def test_only_a_better_model_becomes_champion(root, mlflow_client):
    def champion():
        (model,) = mlflow_client.search_registered_models("name = 'warm_up-toy-tiny'")
        return str(model.aliases.get("champion", "none"))

    mlflow_sync.record(trained(root, "smoke", 40, key="k0", scale="smoke"))
    assert champion() == "none"
    mlflow_sync.record(trained(root, "first", 10, key="k1"))
    assert champion() == "2"
    mlflow_sync.record(trained(root, "second", 12, key="k2"))
    assert champion() == "2"
    mlflow_sync.record(trained(root, "third", 25, key="k3"))
    assert champion() == "4"
    mlflow_sync.record(trained(root, "fourth", 40, key="k4", scale="smoke"))
    assert champion() == "4"


def dev(flags, ids="x", **more):
    return {"scale": "default", "dvc.md5": more.pop("md5", flags), "dev": f"{ids}:{flags}", **more}


def test_champion_rule():
    weak, strong = dev("0" * 30 + "1" * 10), dev("1" * 40)
    assert challenge(weak, None)[0]
    assert challenge(strong, weak)[0]
    assert not challenge(weak, strong)[0]
    assert not challenge({**strong, "scale": "smoke"}, None)[0]
    assert not challenge({**strong, "scale": "smoke"}, weak)[0]
    assert not challenge(dev("1" * 40, ids="y"), weak)[0]
    assert not challenge(dev("", md5="other"), dev(""))[0]
    # three more of forty right: not beyond chance
    assert not challenge(dev("1" * 3 + "0" * 27 + "1" * 10), weak)[0]


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("models:/nobody@champion", "there is no model 'nobody' in the registry; it has warm_up-toy-tiny"),
        ("models:/warm_up-toy-tiny@loser", "has no alias 'loser'"),
        ("models:/warm_up-toy-tiny/7", "has no version '7'"),
        ("nowhere", "nowhere is not a folder"),
    ],
)
def test_unknown_models_are_named(root, mlflow_client, uri, message):
    mlflow_sync.record(trained(root, "first", 20))
    with pytest.raises(mlflow_sync.TrackingError, match=message):
        mlflow_sync.load(uri)


def test_a_silent_server_does_not_hold_up_a_stage(root, monkeypatch, capsys):
    with socket.socket() as listener:
        listener.bind(("localhost", 0))
        listener.listen()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://localhost:{listener.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        start = time.monotonic()
        mlflow_sync.record(stage_run())
        assert time.monotonic() - start < 30
    assert capsys.readouterr().err.count("\n") == 1


def test_a_broken_database_is_one_line(root, capsys):
    (root / "mlflow.db").write_text("this is not a database at all")
    mlflow_sync.record(stage_run())
    assert "is not an SQLite database" in capsys.readouterr().err


def test_without_mlflow_installed_the_stage_succeeds(root, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    mlflow_sync.record(stage_run())
    assert "MLflow was not updated" in capsys.readouterr().err
