"""A round's model, trained on its edited trajectories (chapter: TriPosT)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.tripost.round import train_round
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.models.card import Card, write_card
from stepwise.records import EditedTrajectory, Problem, read_jsonl, write_json, write_plot
from stepwise.stage import Run, stage

PARAMS = ("seed", "limits", "task.{task}", "model.{model}", "backend", "tripost_edit", "tripost_training")


@stage(params=(*PARAMS, "tripost_inference"))
def main(
    run: Run, *, name: str, number: str, task: str, model: str, data: Path, start: Path, edited: Path, out: Path,
    metrics: Path, plot: Path,
) -> None:  # fmt: skip
    """Train on improvements, right attempts and gold solutions; keep the state that answers dev best."""
