"""The files of the two studies of RATIONALYST's notes, as the report reads them.

`python -m studies.mined_notes` and `python -m studies.note_gains` make them once; they are no part of a run.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from stepwise.errors import StepwiseError
from stepwise.statistics import Interval

Shape = TypeVar("Shape")


class StudyError(StepwiseError, ValueError):
    """A study's file that cannot be shown; the message names the file, the place in it and the remedy."""


class Part(BaseModel):
    """A part of a file. What the report shows must be there; whatever else the study wrote is ignored."""

    model_config = ConfigDict(frozen=True)


class Example(Part):
    """A judged note with the texts around it, shortened; gain in nats."""

    before: str
    note: str
    following: str
    gain: float
    reasons: tuple[str, ...]


class Failure(Example):
    """A rejected note of a solved question, and the rule that says why it failed."""

    source: str
    cause: str


class Overlap(Part):
    """Shares of a note's content words and numbers in the step that follows it, and in another document's.

    The means over documents are absent from older files, and where no note has any content words.
    """

    notes: int
    own_step: float
    other_step: float
    own_step_of_documents: Interval | None = None
    other_step_of_documents: Interval | None = None
    own_minus_other: Interval | None = None


class Overlaps(Part):
    """The overlap of all notes, and of kept and rejected ones."""

    all: Overlap
    kept: Overlap
    rejected: Overlap


class AgainstPeople(Part):
    """Notes beside the steps that people wrote in their place; gains in nats."""

    steps: int
    overlap: Overlaps
    gain_of_notes: Interval
    gain_of_steps: Interval
    notes_minus_steps: Interval
    notes_at_threshold: float
    steps_at_threshold: float


class Kind(Part):
    """The notes of one kind of documents."""

    documents: int
    filter: dict[str, float]
    kept_by_source: dict[str, str]
    rejected_by_cause: dict[str, int]
    examples_kept: tuple[Example, ...]
    examples_rejected: tuple[Example, ...]
    against_people: AgainstPeople | None = None


class Failures(Part):
    """Some rejected notes, sorted by cause; `rules` says what each cause means."""

    rules: dict[str, str]
    by_cause: dict[str, int]
    rows: tuple[Failure, ...]


class Mined(Part):
    """Mined notes. The kinds, which are among the other keys in the file, are in `kinds` here."""

    model: str
    kinds: dict[str, Kind]
    failures: Failures | None = None

    @model_validator(mode="before")
    @classmethod
    def _nest_kinds(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        own = {name: content[name] for name in ("model", "failures") if name in content}
        kinds = {name: value for name, value in content.items() if isinstance(value, dict) and name not in own}
        return own | {"kinds": kinds}

    @property
    def people(self) -> dict[str, AgainstPeople]:
        """The kinds for which people wrote explanations."""
        return {name: kind.against_people for name, kind in self.kinds.items() if kind.against_people}


class Gains(Part):
    """Each writer's mean gain; `elsewhere` are the trained model's notes of other documents."""

    trained: Interval
    untrained: Interval
    elsewhere: Interval


class Helpful(Part):
    """Each writer's share of notes with a gain above 0."""

    trained: float
    untrained: float
    elsewhere: float


class Scored(Part):
    """A scorer's view of the notes, in nats. No note has gain 0, so a gain is also the difference from no note."""

    scorer: str
    gain: Gains
    helps: Helpful
    trained_minus_untrained: Interval
    trained_minus_elsewhere: Interval


class Written(Part):
    """The notes of all writers at one place."""

    before: str
    following: str
    trained: str
    untrained: str
    elsewhere: str


class Unseen(Part):
    """Notes at places of documents that the model was not trained on, by the filter's scorer and another."""

    documents: int
    places: int
    other: Scored
    filters: Scored = Field(alias="filter's")
    examples: tuple[Written, ...]


@dataclass(frozen=True)
class Studies:
    """Both studies, or what there is of them."""

    mined: Mined | None = None
    unseen: dict[str, dict[str, Unseen]] = field(default_factory=dict)
    """By run and kind of documents."""


def collect(folder: Path, runs: Collection[str]) -> Studies:
    """The studies in a folder, with the gains of these runs' models only; empty where there are no files.

    Raises StudyError for a file of another shape.
    """
    mined = _read(folder / "mined_notes.json", TypeAdapter(Mined))
    unseen = _read(folder / "note_gains.json", TypeAdapter(dict[str, dict[str, Unseen]])) or {}
    return Studies(mined, {name: kinds for name, kinds in unseen.items() if name in runs})


def _read(path: Path, shape: TypeAdapter[Shape]) -> Shape | None:
    if not path.is_file():
        return None
    remedy = f"`python -m studies.{path.stem}` makes it again"
    try:
        return shape.validate_python(json.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise StudyError(f"{path} is of another shape ({place}: {first['msg'].lower()}); {remedy}") from error
    except ValueError as error:
        raise StudyError(f"{path} is not JSON ({error}); {remedy}") from error
