"""The idea: a question's length is the number of its words."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.params.wordcount import WordCountParams


def mean_length(questions: Sequence[str], params: WordCountParams) -> float:
    """Mean words a question, each counted up to `longest`."""
    return sum(min(len(question.split()), params.longest) for question in questions) / len(questions)
