"""MLflow as a view of what stages did: runs and models in it are filled from journal files, one for each run.

This is the only file that imports mlflow, and only when something is sent or resolved.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from filelock import FileLock

from stepwise import params
from stepwise.errors import StepwiseError
from stepwise.tracking import provenance, registry
from stepwise.tracking.fingerprint import flat
from stepwise.tracking.from_lock import pulled_runs
from stepwise.tracking.registry import Registration
from stepwise.tracking.runs import OUTPUTS, StageRun, journals, read_journal

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["OUTPUTS", "Registration", "StageRun", "TrackingError", "load", "prepare", "record", "sync"]

EXPERIMENT = "stepwise"
MODE = "STEPWISE_TRACKING"
"""Environment variable: `later` leaves runs in their journals for `python -m stepwise sync`; `off` writes none."""
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}


class TrackingError(StepwiseError, RuntimeError):
    """MLflow cannot be used or does not know a model; the message names the remedy."""


def record(run: StageRun) -> None:
    """Write the run's journal file and try to send it. A stage succeeds without MLflow too; one line says so."""
    mode = os.environ.get(MODE, "")
    if mode == "off":
        return
    run.complete()
    run.write()
    if mode == "later":
        return
    try:
        with _sending() as client:
            send(client, run)
    except _failures() as error:
        cause = str(error).strip().partition("\n")[0]
        sys.stderr.write(f"MLflow was not updated ({cause}); `python -m stepwise sync` does it later\n")


def sync() -> list[str]:
    """Send every journal that MLflow does not have yet, oldest first, and the evaluated models that `dvc pull` brought.

    Returns the keys of what was sent, none the second time. Raises TrackingError when MLflow cannot be reached.
    """
    runs = [*(read_journal(path) for path in journals().glob("*.json")), *_pulled()]
    runs.sort(key=lambda run: run.started)
    try:
        with _sending() as client:
            return [run.run_key for run in runs if send(client, run)]
    except _failures() as error:
        raise TrackingError(f"MLflow cannot be reached: {str(error).strip()}") from error


def prepare() -> str:
    """Create the database and the experiment where they are missing: once, before stages run in parallel.

    Returns the tracking address. Raises TrackingError when MLflow cannot be reached.
    """
    try:
        with _sending() as client:
            _experiment(client)
    except _failures() as error:
        raise TrackingError(f"MLflow cannot be prepared: {str(error).strip()}") from error
    return address()


def load(uri: str) -> Path:
    """The folder of a model: `models:/NAME@champion`, `models:/NAME/VERSION` or a folder's own path.

    Raises TrackingError for a folder, name, version or alias that does not exist.
    """
    if not uri.startswith("models:/"):
        if Path(uri).is_dir():
            return Path(uri)
        raise TrackingError(f"{uri} is not a folder; give a model's folder or models:/NAME@champion")
    try:
        if not registry.knows(_client(), uri) and _pulled():
            sync()
        return registry.resolve(_client(), uri)
    except _failures() as error:
        raise TrackingError(str(error).strip()) from error


def _pulled() -> list[StageRun]:
    """Evaluated models of `dvc.lock` that no journal knows; none where there are no usable parameters."""
    path = provenance.root() / "params.yaml"
    return pulled_runs(params.load(path).scale) if path.is_file() else []


def address() -> str:
    """MLFLOW_TRACKING_URI, or the SQLite file at the root of the repository."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{provenance.home() / 'mlflow.db'}"


def shown_address() -> str:
    """The address without a user's name and password."""
    parts = urlsplit(address())
    return address().replace(f"{parts.netloc.rpartition('@')[0]}@", "") if parts.password else address()


def send(client: MlflowClient, run: StageRun) -> bool:
    """Bring one run into MLflow, or complete one that was half sent. Returns whether anything was missing there."""
    experiment = _experiment(client)
    sent = client.search_runs([experiment], f"tags.`stepwise.key` = '{run.run_key}'", run_view_type=3)
    if sent and sent[0].info.status == "FINISHED":
        return False
    started = int(run.started * 1000)
    tags = {"stepwise.key": run.run_key}
    target = sent[0] if sent else client.create_run(experiment, start_time=started, tags=tags, run_name=run.title)
    run_id = target.info.run_id
    _log(client, run_id, run)
    if run.registration:
        outcome = registry.register(client, run.registration, run_id, scale=run.scale, source=_source(run))
        client.set_tag(run_id, "stepwise.champion", outcome)
    client.set_terminated(run_id, "FINISHED", end_time=int(run.ended * 1000))
    return True


def _log(client: MlflowClient, run_id: str, run: StageRun) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, RunTag

    params = [Param(key, value[:6000]) for key, value in flat(run.params)]
    tags = [RunTag(key, value) for key, value in _tags(run).items()]
    ended = int(run.ended * 1000)
    rows = [({**run.metrics, "seconds": run.ended - run.started}, 0)]
    rows += [({k: v for k, v in row.items() if k != "step"}, int(row["step"])) for row in run.history]
    metrics = [Metric(k.replace("@", "_at_"), float(v), ended, step) for row, step in rows for k, v in row.items()]
    for batch in range(0, max(len(params), len(tags), len(metrics)), 100):
        part = slice(batch, batch + 100)
        client.log_batch(run_id, metrics=metrics[part], params=params[part], tags=tags[part])
    inputs = [
        DatasetInput(
            Dataset(path, f"md5:{md5.removesuffix('.dir')}", "dvc", json.dumps({"uri": f"dvc:///{path}?md5={md5}"})),
            [InputTag("dvc.md5", md5)],
        )
        for path, md5 in run.data.items()
    ]
    client.log_inputs(run_id, inputs)


def _tags(run: StageRun) -> dict[str, str]:
    names = {key: value for key, value in run.arguments.items() if "/" not in value}
    tags = {
        "stage": run.stage,
        "scale": run.scale,
        **names,
        "mlflow.source.name": run.script,
        "mlflow.source.git.commit": run.commit,
        "git.dirty": str(run.dirty).lower(),
        "dvc.lock": run.lock,
        "dvc.experiment": run.experiment,
        **{f"machine.{key}": value for key, value in run.machine.items()},
    }
    return {key: value for key, value in tags.items() if value}


def _source(run: StageRun) -> str:
    """Where the version's files are: the folder itself, or DVC's address for a server, which refuses local paths."""
    assert run.registration is not None
    if address().startswith(("http://", "https://")):
        return f"dvc:///{run.registration.folder}?md5={run.registration.md5}"
    return str(provenance.home() / run.registration.folder)


@contextmanager
def _sending() -> Iterator[MlflowClient]:
    """A client, while this repository's other senders wait, so that no database or run is created twice.

    MLflow is imported before the wait, because that is slow.
    """
    _require_answer(address())
    _mlflow()
    journals().mkdir(parents=True, exist_ok=True)
    with FileLock(journals() / "lock", timeout=120):
        yield _client()


def _client() -> MlflowClient:
    _require_answer(address())
    mlflow = _mlflow()
    mlflow.set_tracking_uri(address())
    client: MlflowClient = mlflow.MlflowClient()
    return client


def _mlflow() -> ModuleType:
    """MLflow, quiet, without telemetry or long retries, and never unpickling anything."""
    os.environ["MLFLOW_ALLOW_PICKLE_DESERIALIZATION"] = "false"
    for name, value in {
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_LOGGING_LEVEL": "WARNING",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    }.items():
        os.environ.setdefault(name, value)
    import mlflow

    return mlflow


def _require_answer(uri: str) -> None:
    """Raise TrackingError when nothing listens there: MLflow itself would retry for minutes."""
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        path = Path(uri.removeprefix("sqlite:///"))
        if path.is_file() and path.stat().st_size and path.open("rb").read(15) != b"SQLite format 3":
            raise TrackingError(f"{path} is not an SQLite database")
        if not os.access(path if path.exists() else path.parent, os.W_OK):
            raise TrackingError(f"{path} cannot be written")
    elif parts.hostname:
        port = parts.port or PORTS.get(parts.scheme.partition("+")[0], 80)
        try:
            socket.create_connection((parts.hostname, port), timeout=3).close()
        except OSError as error:
            raise TrackingError(f"{parts.hostname}:{port} does not answer: {error}") from error


def _experiment(client: MlflowClient) -> str:
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment:
        return str(experiment.experiment_id)
    local = address().startswith("sqlite:")
    folder = (provenance.home() / "mlruns").as_uri() if local else None
    return str(client.create_experiment(EXPERIMENT, artifact_location=folder))


def _failures() -> tuple[type[Exception], ...]:
    """What MLflow raises when it is unreachable, broken or not installed."""
    failures: tuple[type[Exception], ...] = (TrackingError, registry.RegistryError, ImportError, OSError)
    if "mlflow" in sys.modules:
        from mlflow.exceptions import MlflowException

        failures = (*failures, MlflowException)
    if "sqlalchemy" in sys.modules:
        from sqlalchemy.exc import SQLAlchemyError

        failures = (*failures, SQLAlchemyError)
    return failures
