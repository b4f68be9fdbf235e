"""Cards: a JSON file beside a model's weights that says how the model was made and how to prompt it."""

from __future__ import annotations

from pathlib import Path

from pydantic import JsonValue, ValidationError

from stepwise.models.loading import ModelError
from stepwise.params import TaskParams
from stepwise.records import Record, write_json

FILE = "card.json"


class Card(Record):
    """The card of a trained model."""

    method: str
    """The method that trained it."""
    task: str
    model: str
    """The base model's name in conf/model."""
    task_params: TaskParams
    """Form, limits and options of the task, as in training."""
    notes: str = ""
    """What a reader of its results must know, inherited from the base model."""
    inference: dict[str, dict[str, JsonValue]] | None = None
    """How it answers, if not by completing the task's prompt: the name of the way, and its settings."""


class BaseModelCard(Record):
    """The card of a base model. A field that does not apply to its source is left out of the file."""

    source: str
    """`pretrain`, `package:NAME`, a local folder or a hub id."""
    revision: str | None = None
    licence: str
    notes: str
    """What a reader of its results must know."""
    made: dict[str, JsonValue] | None = None
    """Settings and figures of pretraining."""
    rebuild: str | None = None
    """The command that pretrains it again."""
    parameters: int
    sha256: dict[str, str]
    """Hash of every other file in the folder."""


def write_card(folder: Path, card: Card | BaseModelCard) -> None:
    """Write the card into the model's folder."""
    content = card.model_dump(mode="json", exclude_unset=isinstance(card, BaseModelCard))
    if content.get("inference") is None:
        content.pop("inference", None)
    write_json(folder / FILE, content)


def read_card(folder: Path) -> Card:
    """The card of a trained model. Raises ModelError if the folder has none or it is invalid."""
    try:
        return Card.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ModelError(f"{folder} has no usable {FILE}; name a model that a stage has trained") from error


def read_base_model_card(folder: Path) -> BaseModelCard:
    """The card of a base model. Raises ModelError if the folder has none or it is invalid."""
    try:
        return BaseModelCard.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ModelError(f"{folder} has no usable {FILE}; the stage `base_model` writes base models") from error
