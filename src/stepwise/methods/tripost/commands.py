"""How the command line asks TriPosT's models: turn by turn, or for an answer without reasoning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from stepwise.generation.base import Backend, Sampling
from stepwise.interaction import Speaker, interact
from stepwise.methods.base import Answer, Answering
from stepwise.methods.tripost.baselines.answer_only import ANSWER_ONLY, AnswerOnly
from stepwise.methods.tripost.dialogue import AGENT, SELF_IMPROVEMENT, Conversation, SelfImprovement
from stepwise.methods.tripost.examining import judge
from stepwise.methods.tripost.transcript import read_lead_in
from stepwise.models.card import Card
from stepwise.params.tripost import SelfImprovementParams
from stepwise.records import Prediction, Problem
from stepwise.tasks.base import Task

SHOWN = ("direct", "contribution", "harm", "frequency", "right_stays_right", "wrong_becomes_right", "turns")
"""What is shown of self-correction, besides the accuracies."""


@dataclass(frozen=True)
class SelfImproving(Answering):
    """A model that criticises and updates its own answers."""

    inference: SelfImprovementParams

    def answer(self, problems: Sequence[Problem], backend: Backend, sampling: Sampling) -> list[Answer]:
        """An answer to each problem, with the turns that led to it."""
        return [
            Answer(talk.answer_text, talk.transcript(read_lead_in(self.task.prompt(talk.problem))))
            for talk in self._converse(problems, backend, sampling)
        ]

    def examine(
        self, problems: Sequence[Problem], backend: Backend, sampling: Sampling
    ) -> tuple[list[Prediction], dict[str, float]]:
        """Checked answers with the metrics of an evaluation and of self-correction."""
        result = judge(self.task, self._converse(problems, backend, sampling))
        hidden = {key for key in result.numbers if key.startswith(SHOWN) and key not in SHOWN}
        return result.predictions, {key: value for key, value in result.numbers.items() if key not in hidden}

    def _converse(self, problems: Sequence[Problem], backend: Backend, sampling: Sampling) -> list[Conversation]:
        limits = self.inference
        dialogue = SelfImprovement(self.task, limits.max_updates, sampling.max_new_tokens, limits.feedback_tokens)
        return interact(problems, dialogue, {AGENT: Speaker(backend, sampling)})


def answering(card: Card, task: Task) -> Answering | None:
    """How a model with this card answers; None for models that complete the prompt, and for other kinds of tasks."""
    ways = card.inference or {}
    if task.form != "scripted":
        return None
    if ANSWER_ONLY in ways:
        return Answering(cast(Task, AnswerOnly(task)))
    if SELF_IMPROVEMENT in ways:
        return SelfImproving(task, SelfImprovementParams.model_validate(ways[SELF_IMPROVEMENT]))
    return None
