"""A base model as its parameters say: trained from scratch, or fetched."""

from __future__ import annotations

from pathlib import Path

from stepwise.models.card import BaseModelCard
from stepwise.models.sources import fetch_base_model
from stepwise.params import ModelParams
from stepwise.pretraining.pretrain import pretrain


def make_base_model(
    name: str, params: ModelParams, *, checkpoints: Path, steps: int = 0, seed: int, work: Path, out: Path
) -> BaseModelCard:
    """Put the base model `name` into the folder `out`; see `pretrain` and `fetch_base_model`. Returns its card.

    With `steps`, a shipped model is trained again for that many, so that a small scale runs the code that made it.
    """
    if params.source == "pretrain" or (params.source == "shipped" and steps):
        return pretrain(name, params, steps=steps, seed=seed, work=work, out=out)
    return fetch_base_model(name, params, checkpoints=checkpoints, out=out)
