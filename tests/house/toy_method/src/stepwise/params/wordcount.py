"""Parameters of the toy."""

from __future__ import annotations

from pydantic import Field

from stepwise.params.base import Positive, Section


class WordCountParams(Section):
    """How words are counted."""

    longest: Positive = 100
    """Words that count at most."""


class WordCountKeys(Section):
    """The toy's keys of params.yaml."""

    wordcount_tasks: list[str] = Field(default_factory=list)
    """Tasks whose questions are counted."""
    wordcount: WordCountParams = WordCountParams()
