"""A clone after `dvc pull`: files and dvc.lock are there, no journal and no MLflow."""

import json

import pytest
import yaml

from stepwise import tracking
from stepwise.records import Prediction, Verdict, write_jsonl
from stepwise.tracking import provenance
from stepwise.tracking.from_lock import pulled_runs

MODEL, EVALUATION = "models/warm_up/toy-tiny", "evaluations/warm_up/toy-tiny"
METRICS = "metrics/evaluate/warm_up/toy-tiny.json"
PARAMS = """
tasks: [toy]
models: [tiny]
task: {toy: {form: n_cot}}
model: {tiny: {source: shipped}}
"""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """What `git clone` and `dvc pull` leave: two of four dev problems are right."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / MODEL).mkdir(parents=True)
    (tmp_path / MODEL / "model.safetensors").write_text("weights")
    verdicts = [Verdict(correct=number % 2 == 0) for number in range(4)]
    dev = [Prediction(problem_id=f"toy-dev-{i}", text="", verdict=verdict) for i, verdict in enumerate(verdicts)]
    write_jsonl(tmp_path / EVALUATION / "dev.jsonl", dev)
    (tmp_path / METRICS).parent.mkdir(parents=True)
    numbers = {"method": "warm_up", "task": "toy", "model": "tiny", "accuracy": 0.5}
    (tmp_path / METRICS).write_text(json.dumps(numbers))
    entry = {
        "cmd": "python stages/evaluate.py",
        "deps": [{"path": MODEL, "md5": provenance.dvc_md5(tmp_path / MODEL)}],
        "params": {"params.yaml": {"seed": 1}},
        "outs": [{"path": path, "md5": provenance.dvc_md5(tmp_path / path)} for path in (EVALUATION, METRICS)],
    }
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": {"evaluate@warm_up-toy-tiny": entry}}))
    (tmp_path / "params.yaml").write_text(PARAMS)
    return tmp_path


def test_an_evaluation_of_the_lock_is_a_run_with_its_model(clone):
    (run,) = pulled_runs("default")
    assert (run.stage, run.script, run.metrics) == ("evaluate", "stages/evaluate.py", {"accuracy": 0.5})
    assert run.params == {"seed": 1}
    assert run.registration.name == "warm_up-toy-tiny"
    assert run.registration.dev == {f"toy-dev-{i}": i % 2 == 0 for i in range(4)}


def test_what_is_not_as_the_lock_has_it_is_no_run(clone):
    (clone / MODEL / "model.safetensors").write_text("other weights")
    assert pulled_runs("default") == []
    (clone / MODEL / "model.safetensors").write_text("weights")
    (clone / EVALUATION / "dev.jsonl").write_text("")
    assert pulled_runs("default") == []


def test_a_run_with_a_journal_is_not_taken_twice(clone):
    (run,) = pulled_runs("default")
    run.write()
    assert pulled_runs("default") == []


@pytest.mark.slow
def test_the_champion_is_known_at_the_first_question(clone):
    assert tracking.load("models:/warm_up-toy-tiny@champion") == clone / MODEL
    assert tracking.sync() == []
