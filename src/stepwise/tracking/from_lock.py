"""Evaluated models that came with `dvc pull`, as runs for the registry.

`dvc.lock` has each evaluation's parameters and the hashes of its model and outputs; metrics and dev answers are files
beside it. The registry needs no more: a clone knows its champions without running a stage.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stepwise.records import Prediction, read_jsonl
from stepwise.tracking import provenance
from stepwise.tracking.registry import Registration
from stepwise.tracking.runs import StageRun, journals, read_journal


def pulled_runs(scale: str) -> list[StageRun]:
    """Runs of the evaluations in `dvc.lock` whose files are here and of which this repository has no journal."""
    where = provenance.root()
    known = {run.registration.md5 for path in journals().glob("*.json") if (run := read_journal(path)).registration}
    committed = provenance.committed_at(where, "dvc.lock")
    runs = [_run(where, name, entry, scale, committed) for name, entry in _evaluations(where)]
    return [run for run in runs if run.registration and run.registration.md5 not in known]


def _evaluations(where: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Stages of the lock that make an evaluation whose predictions are here, unchanged."""
    for name, entry in provenance.locked_stages(where).items():
        outs = {out["path"]: out.get("md5") for out in entry.get("outs", [])}
        folders = [path for path in outs if path.startswith("evaluations/")]
        files = [path for path in outs if path.startswith("metrics/evaluate/")]
        if len(folders) == len(files) == 1 and _is_here(where, folders[0], outs[folders[0]]):
            yield name, entry | {"folder": folders[0], "numbers": files[0]}


def _is_here(where: Path, path: str, md5: str | None) -> bool:
    return (where / path).is_dir() and provenance.dvc_md5(where / path) == md5


def _run(where: Path, name: str, entry: dict[str, Any], scale: str, committed: float) -> StageRun:
    numbers = json.loads((where / entry["numbers"]).read_text(encoding="utf-8"))
    names = {key: numbers[key] for key in ("method", "task", "model")}
    metrics = {key: float(value) for key, value in numbers.items() if isinstance(value, int | float)}
    models = {dep["path"]: dep["md5"] for dep in entry["deps"] if dep["path"].startswith("models/")}
    run = StageRun(
        stage=name.partition("@")[0],
        script=entry["cmd"].split()[1],
        key=hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:16],
        arguments={**names, **{path: path for path in models}},
        params=entry.get("params", {}).get("params.yaml", {}),
        scale=scale,
        started=committed,
        ended=committed,
        metrics=metrics,
        data={dep["path"]: dep["md5"] for dep in entry["deps"] if not dep["path"].startswith(("src/", "stages/"))},
        lock=provenance.dvc_md5(where / "dvc.lock"),
        commit=provenance.code_state(where)[0],
    )
    own = f"models/{names['method']}/{names['task']}-{names['model']}"
    if own in models and _is_here(where, own, models[own]):
        dev = read_jsonl(where / entry["folder"] / "dev.jsonl", Prediction)
        flags = {prediction.problem_id: prediction.verdict.correct for prediction in dev}
        run.registration = Registration(**names, folder=own, metrics=metrics, dev=flags, md5=models[own])
    return run
