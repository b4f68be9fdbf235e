"""Models in the registry: versions without a second copy, known by their hash, and the rule that moves the champion."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwise.errors import StepwiseError
from stepwise.statistics import compare_paired
from stepwise.tracking import provenance

Client = Any
"""An mlflow.MlflowClient: only mlflow_sync imports mlflow, and passes its client."""
CHAMPION = "champion"


class RegistryError(StepwiseError, LookupError):
    """A model, version or alias that does not exist, or whose files are gone; the message names the remedy."""


@dataclass(frozen=True)
class Registration:
    """A model to register; one name for each method, task and base model."""

    method: str
    task: str
    model: str
    folder: str
    """The DVC-managed folder, relative to the repository."""
    metrics: dict[str, float] = field(default_factory=dict)
    dev: dict[str, bool] = field(default_factory=dict)
    """Whether each dev problem is answered correctly; decides on the champion."""
    md5: str = ""
    """DVC's hash of the folder; filled in when the run is recorded."""

    @property
    def name(self) -> str:
        """`METHOD-TASK-MODEL`, as in `warm_up-word_problems-tiny`."""
        return f"{self.method}-{self.task}-{self.model}"


def register(client: Client, model: Registration, run_id: str, *, scale: str, source: str) -> str:
    """Register a model and let it challenge the champion. Returns the outcome in words.

    The same weights examined on the same dev problems are one version, whose tags never change; on other dev problems
    they are another version.
    """
    registered = client.search_registered_models(f"name = '{model.name}'")
    if not registered:
        client.create_registered_model(model.name)
    number = str(registered[0].aliases.get(CHAMPION, "")) if registered else ""
    versions = client.search_model_versions(f"name = '{model.name}'")
    champion = next((version for version in versions if str(version.version) == number), None)
    tags = _tags(model, scale)
    version = _examined(versions, model.md5, tags["dev"])
    if version is None:
        version = client.create_model_version(model.name, source, run_id=run_id, tags=tags)
    if champion is not None:
        champion = _examined(versions, champion.tags["dvc.md5"], tags["dev"]) or champion
    wins, reason = challenge(version.tags, champion.tags if champion else None)
    if wins:
        client.set_registered_model_alias(model.name, CHAMPION, version.version)
    return f"version {version.version} {reason}"


def challenge(challenger: Mapping[str, str], champion: Mapping[str, str] | None) -> tuple[bool, str]:
    """Whether a version's tags make it the champion, and why.

    A smoke-scale model never is; the first other one is; later ones must be better on the same dev problems, by the
    paired interval and McNemar's test.
    """
    if challenger["scale"] == "smoke":
        return False, "is of smoke scale and cannot be champion"
    if champion is None:
        return True, "is the first champion"
    if challenger["dvc.md5"] == champion["dvc.md5"]:
        return False, "is the champion"
    ours, theirs = challenger["dev"], champion["dev"]
    if _problems(ours) != _problems(theirs) or not _flags(ours):
        return False, "was not examined on the champion's dev problems, so the champion stays"
    result = compare_paired(_flags(theirs), _flags(ours))
    if result.better:
        return True, f"beats the champion on dev by {result.difference:+.3f}"
    return False, f"does not beat the champion on dev ({result.difference:+.3f}, from {result.low:+.3f})"


def _examined(versions: Iterable[Any], md5: str, dev: str) -> Any:
    """The version of these weights that was examined on the problems of `dev`; None where there is none."""
    return next(
        (
            version
            for version in versions
            if version.tags.get("dvc.md5") == md5 and _problems(version.tags.get("dev", "")) == _problems(dev)
        ),
        None,
    )


def knows(client: Client, uri: str) -> bool:
    """Whether the registry has a model of the name in `models:/NAME...`."""
    name = uri.removeprefix("models:/").partition("@")[0].partition("/")[0]
    return bool(client.search_registered_models(f"name = '{name}'"))


def resolve(client: Client, uri: str) -> Path:
    """The folder of `models:/NAME@ALIAS` or `models:/NAME/VERSION`: where DVC has it, else out of DVC's cache.

    Raises RegistryError for a name, version or alias that does not exist, or files that are nowhere.
    """
    version = _version(client, uri.removeprefix("models:/"))
    md5, path = str(version.tags.get("dvc.md5", "")), str(version.tags.get("dvc.path", ""))
    if not md5 or not path:
        raise RegistryError(f"{uri} was not registered by a stage: it has no tags dvc.md5 and dvc.path")
    for where in dict.fromkeys((provenance.root(), provenance.home())):
        if (where / path).is_dir() and provenance.dvc_md5(where / path) == md5:
            return where / path
    cached = provenance.from_cache(md5, provenance.home())
    if cached is None:
        raise RegistryError(
            f"{uri}: {path} now holds another version and the DVC cache lacks {md5}; `dvc fetch --all-commits` gets it"
        )
    return cached


def _version(client: Client, reference: str) -> Any:
    name, _, alias = reference.partition("@")
    name, _, number = name.partition("/")
    registered = client.search_registered_models(f"name = '{name}'")
    if not registered:
        others = ", ".join(sorted(other.name for other in client.search_registered_models())) or "none"
        raise RegistryError(f"there is no model {name!r} in the registry; it has {others}")
    number = str(registered[0].aliases.get(alias, "")) if alias else number
    versions = client.search_model_versions(f"name = '{name}'")
    version = next((version for version in versions if str(version.version) == number), None)
    if version is None:
        wanted = f"alias {alias!r}" if alias else f"version {number!r}"
        raise RegistryError(f"model {name!r} has no {wanted}; write models:/{name}@{CHAMPION} or models:/{name}/1")
    return version


def _tags(model: Registration, scale: str) -> dict[str, str]:
    names = sorted(model.dev)
    ids = hashlib.sha256("\n".join(names).encode()).hexdigest()[:16]
    flags = "".join("1" if model.dev[name] else "0" for name in names)
    numbers = {key.replace("@", "_at_"): f"{value:.4g}" for key, value in model.metrics.items()}
    return {
        **numbers,
        "method": model.method,
        "task": model.task,
        "model": model.model,
        "scale": scale,
        "dvc.path": model.folder,
        "dvc.md5": model.md5,
        "dev": f"{ids}:{flags}",
    }


def _problems(dev: str) -> str:
    """The hash of the dev problems' names."""
    return dev.partition(":")[0]


def _flags(dev: str) -> list[bool]:
    return [flag == "1" for flag in dev.partition(":")[2]]
