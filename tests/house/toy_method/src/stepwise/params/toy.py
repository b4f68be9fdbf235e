"""Parameters of the toy."""

from __future__ import annotations

from pydantic import Field

from stepwise.params.base import Positive, Section


class ToyParams(Section):
    """How words are counted."""

    longest: Positive = 100
    """Words that count at most."""


class ToyKeys(Section):
    """The toy's keys of params.yaml."""

    toy_tasks: list[str] = Field(default_factory=list)
    """Tasks whose questions are counted."""
    toy: ToyParams = ToyParams()
