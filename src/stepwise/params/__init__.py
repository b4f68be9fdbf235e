"""Every number that the pipeline depends on, as frozen, checked types. An unknown key is an error that names it.

`params.yaml` is composed from the Hydra groups under `conf/`; a stage sees only the keys that it declares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from stepwise.params.base import Count, ParamsError, Positive, Section, Share, parse_yaml
from stepwise.params.foundation import (
    ArchitectureParams,
    BackendParams,
    EvaluateParams,
    LauncherParams,
    LimitParams,
    LoraParams,
    ModelParams,
    PretrainParams,
    SftParams,
    TaskParams,
)
from stepwise.params.rationalyst import RationalystKeys
from stepwise.params.refiner import RefinerKeys
from stepwise.params.reft import ReftKeys
from stepwise.params.rl import RlParams
from stepwise.params.tripost import TripostKeys

__all__ = [
    "ArchitectureParams",
    "BackendParams",
    "Count",
    "EvaluateParams",
    "LauncherParams",
    "LimitParams",
    "LoraParams",
    "ModelParams",
    "Params",
    "ParamsError",
    "Positive",
    "PretrainParams",
    "RlParams",
    "Section",
    "SftParams",
    "Share",
    "TaskParams",
    "load",
    "parse",
]


class Params(ReftKeys, RationalystKeys, RefinerKeys, TripostKeys):
    """All of params.yaml: the keys that every run has, and those of each method, declared in the method's own file."""

    scale: Literal["smoke", "default", "gpu", "paper"] = "default"
    seed: Count = 1
    data_dir: str = "data/raw"
    """Folder of the real data sets; the environment variable STEPWISE_DATA overrides it."""
    limits: LimitParams = LimitParams()
    tasks: list[str]
    """Names of the task group's entries, in order."""
    models: list[str]
    """Names of the model group's entries, in order."""
    instructs: list[str] = Field(default_factory=list)
    """Names of the instruct group's entries, in order."""
    task: dict[str, TaskParams]
    model: dict[str, ModelParams]
    instruct: dict[str, ModelParams] = Field(default_factory=dict)
    """Models that follow instructions."""
    backend: BackendParams = BackendParams()
    launcher: LauncherParams = LauncherParams()
    warm_up: SftParams = SftParams()
    evaluate: EvaluateParams = EvaluateParams()
    warm_up_task: dict[str, dict[str, str]] = Field(default_factory=dict)
    """The run's tasks that models can be warmed up on, as their files in conf/task say; nothing but their names."""
    warm_up_model: dict[str, dict[str, str]] = Field(default_factory=dict)
    """The run's models that can be warmed up, as their files in conf/model say; nothing but their names."""
    warm_up_tasks: list[str] = Field(default_factory=list)
    """Tasks of the run that base models are warmed up on."""
    warm_up_models: list[str] = Field(default_factory=list)
    """Base models of the run that are warmed up, and trained further by the methods that start from there."""


def load(path: str | Path = "params.yaml") -> Params:
    """Read and check a parameter file. Raises ParamsError naming every bad key."""
    path = Path(path)
    if not path.is_file():
        raise ParamsError(f"{path} does not exist; `make params` composes it from conf/")
    return parse(path.read_text(encoding="utf-8"), str(path))


def parse(text: str, source: str) -> Params:
    """Parameters from YAML. Raises ParamsError naming every bad key, and `source`, where the text comes from."""
    try:
        return Params.model_validate(parse_yaml(text))
    except yaml.YAMLError as error:
        raise ParamsError(f"{source} is not YAML: {error}") from error
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in issue['loc'])}: "
            + ("unknown parameter" if issue["type"] == "extra_forbidden" else issue["msg"])
            for issue in error.errors(include_url=False)
        ]
        raise ParamsError(f"{source}: " + "; ".join(lines)) from error
