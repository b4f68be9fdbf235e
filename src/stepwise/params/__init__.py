"""Every number the pipeline obeys, as frozen, checked types. An unknown key is an error that names it.

`params.yaml` is composed from the Hydra groups under `conf/`; a stage sees only the keys that it declares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError

from stepwise.params.base import Count, ParamsError, Positive, Section, Share
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
from stepwise.params.rationalyst import (
    BenchmarkFile,
    CorpusSource,
    RationalystAblation,
    RationalystCorpusParams,
    RationalystEmbeddingParams,
    RationalystFilterParams,
    RationalystMiningParams,
    RationalystPrefilterParams,
    RationalystRun,
    RationalystScoringParams,
    RationalystSetup,
    RationalystSupervisionParams,
    RationalystTrainingParams,
    RationalystTransfer,
    SlurmArray,
)
from stepwise.params.reft import ReftAblation, ReftParams, RerankerParams, SamplingParams, SelfTrainingParams
from stepwise.params.rl import RlParams

__all__ = [
    "ArchitectureParams",
    "BackendParams",
    "BenchmarkFile",
    "CorpusSource",
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
    "RationalystAblation",
    "RationalystCorpusParams",
    "RationalystEmbeddingParams",
    "RationalystFilterParams",
    "RationalystMiningParams",
    "RationalystPrefilterParams",
    "RationalystRun",
    "RationalystScoringParams",
    "RationalystSetup",
    "RationalystSupervisionParams",
    "RationalystTrainingParams",
    "RationalystTransfer",
    "ReftAblation",
    "ReftParams",
    "RerankerParams",
    "RlParams",
    "SamplingParams",
    "Section",
    "SelfTrainingParams",
    "SftParams",
    "Share",
    "SlurmArray",
    "TaskParams",
    "load",
]


class Params(Section):
    """All of params.yaml."""

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
    """Models that follow instructions: they mine and score notes."""
    backend: BackendParams = BackendParams()
    launcher: LauncherParams = LauncherParams()
    warm_up: SftParams = SftParams()
    evaluate: EvaluateParams = EvaluateParams()
    warm_up_tasks: list[str] = Field(default_factory=list)
    """Tasks of the run that base models are warmed up on."""
    reft_tasks: list[str] = Field(default_factory=list)
    """Tasks of the run that ReFT and its baselines are trained on."""
    reft: ReftParams = ReftParams()
    reft_ablations: dict[str, ReftAblation] = Field(default_factory=dict)
    """Variants of ReFT by name, for the studies."""
    self_training: SelfTrainingParams = SelfTrainingParams()
    sampling: SamplingParams = SamplingParams()
    reft_shards: list[str] = Field(default_factory=lambda: ["1-of-1"])
    """Parts in which each set of samples is made, `1-of-2` and `2-of-2` for two; they give the rows of one."""
    reranker: RerankerParams = RerankerParams()
    rationalyst_tasks: list[str] = Field(default_factory=list)
    """Tasks of the run whose training problems are RATIONALYST's reasoning data: its prefilter looks for texts like
    them, and their solutions are mined beside the corpus."""
    rationalyst_corpus: RationalystCorpusParams = RationalystCorpusParams()
    rationalyst_embedding: RationalystEmbeddingParams = RationalystEmbeddingParams()
    rationalyst_prefilter: RationalystPrefilterParams = RationalystPrefilterParams()
    rationalyst_mining: RationalystMiningParams = RationalystMiningParams()
    rationalyst_scoring: RationalystScoringParams = RationalystScoringParams()
    rationalyst_filter: RationalystFilterParams = RationalystFilterParams()
    rationalyst_runs: dict[str, RationalystRun] = Field(default_factory=dict)
    """RATIONALYST's runs by name; each trains a model and supervises an agent with it."""
    rationalyst_transfers: dict[str, RationalystTransfer] = Field(default_factory=dict)
    """RATIONALYSTs of these runs on other tasks, by name."""
    rationalyst_training: RationalystTrainingParams = RationalystTrainingParams()
    rationalyst_supervision: RationalystSupervisionParams = RationalystSupervisionParams()
    rationalyst_ablations: dict[str, RationalystAblation] = Field(default_factory=dict)
    """Variants of RATIONALYST by name, for the studies."""


def load(path: str | Path = "params.yaml") -> Params:
    """Read and check a parameter file. Raises ParamsError naming every bad key."""
    path = Path(path)
    if not path.is_file():
        raise ParamsError(f"{path} does not exist; `make params` composes it from conf/")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is not YAML: {error}") from error
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        lines = [
            f"{'.'.join(str(part) for part in one['loc'])}: "
            + ("unknown parameter" if one["type"] == "extra_forbidden" else one["msg"])
            for one in error.errors(include_url=False)
        ]
        raise ParamsError(f"{path}: " + "; ".join(lines)) from error
