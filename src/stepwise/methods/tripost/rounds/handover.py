"""What a round leaves beside its model's weights for the next one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stepwise.records import EditedTrajectory, read_jsonl, write_json, write_jsonl

REPLAY = "replay.jsonl"
"""The trajectories that the round and those before it have learned from."""
STOPPED = "stopped.json"
"""Says in which round the model stopped; it and the later rounds are copies of the one before."""


def write_experience(model: Path, trajectories: Sequence[EditedTrajectory]) -> None:
    """Leave the trajectories that a model has learned from."""
    write_jsonl(model / REPLAY, trajectories)


def read_experience(model: Path) -> list[EditedTrajectory]:
    """What a model has learned from in earlier rounds; nothing if it is no round's."""
    path = model / REPLAY
    return read_jsonl(path, EditedTrajectory) if path.exists() else []


def mark_stopped(model: Path, name: str) -> None:
    """Mark a model as one that went no further in the round of that name."""
    write_json(model / STOPPED, {"stopped_in": name})


def has_stopped(model: Path) -> bool:
    """Whether a model went no further than the one it started from; later rounds then change nothing."""
    return (model / STOPPED).exists()
