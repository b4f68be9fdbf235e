"""Runs and models: `record` keeps what a stage did, `sync` fills MLflow from it, `load` finds a model by name."""

from stepwise.tracking.mlflow_sync import TrackingError, address, load, prepare, record, shown_address, sync
from stepwise.tracking.registry import Registration
from stepwise.tracking.runs import OUTPUTS, StageRun

__all__ = [
    "OUTPUTS",
    "Registration",
    "StageRun",
    "TrackingError",
    "address",
    "load",
    "prepare",
    "record",
    "shown_address",
    "sync",
]
