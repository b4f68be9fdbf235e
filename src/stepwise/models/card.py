"""What a trained model must be asked with: the card beside its weights."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from stepwise.models.loading import ModelError
from stepwise.params import TaskParams
from stepwise.records import Record, write_json

FILE = "card.json"


class Card(Record):
    """How a model was made and how it is asked."""

    method: str
    """The stage that made it, or its method."""
    task: str
    model: str
    """The base model's name in conf/model."""
    task_params: TaskParams
    """Form, limits and options of the task as in training."""
    notes: str = ""
    """What a reader of its numbers must know, handed down from the base model."""


def write_card(folder: Path, card: Card) -> None:
    """Put the card into a model's folder."""
    write_json(folder / FILE, card.model_dump(mode="json"))


def read_card(folder: Path) -> Card:
    """The card of a trained model. Raises ModelError when the folder has none or it is broken."""
    try:
        return Card.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ModelError(f"{folder} has no usable {FILE}; name a model that a stage has trained") from error
