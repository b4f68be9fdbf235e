"""How the command line asks REFINER's generator: turn by turn, with the critic that was trained beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from stepwise import params, tracking
from stepwise.generation import make_backend
from stepwise.generation.base import Backend, Sampling
from stepwise.interaction import Speaker, interact
from stepwise.methods.base import Answer, Answering
from stepwise.methods.refiner.dialogue import CRITIC, GENERATOR, Conversation, Refinement
from stepwise.methods.refiner.domains.base import Domain
from stepwise.methods.refiner.domains.registry import DOMAINS, domain_of
from stepwise.methods.refiner.examining import judge
from stepwise.methods.refiner.texts import FEEDBACK_STOP
from stepwise.models.card import Card
from stepwise.params import BackendParams
from stepwise.params.refiner import RefinerKeys
from stepwise.records import Prediction, Problem
from stepwise.tasks.base import Task

GENERATOR_METHOD, CRITIC_METHOD = "refiner", "refiner_critic"
"""The methods on the cards of generator and critic."""


@dataclass(frozen=True)
class Refining(Answering):
    """A generator that revises its attempts after a trained critic's feedback."""

    card: Card
    updates: int
    feedback_tokens: int

    def answer(self, problems: Sequence[Problem], backend: Backend, sampling: Sampling) -> list[Answer]:
        """An answer to each problem, with the turns that led to it."""
        return [Answer(talk.attempts[-1].text, talk.transcript) for talk in self.converse(problems, backend, sampling)]

    def examine(
        self, problems: Sequence[Problem], backend: Backend, sampling: Sampling
    ) -> tuple[list[Prediction], dict[str, float]]:
        """Checked answers with the metrics of an evaluation, of z, of the critic and of revisions."""
        talks = self.converse(problems, backend, sampling)
        result = judge(self.task, self.domain, talks, by_model=True)
        return result.predictions, result.numbers

    def converse(self, problems: Sequence[Problem], backend: Backend, sampling: Sampling) -> list[Conversation]:
        """The conversations of the given generator with the critic."""
        dialogue = Refinement(
            task=self.task,
            updates=self.updates,
            attempt_tokens=sampling.max_new_tokens,
            feedback_tokens=self.feedback_tokens,
            judged=self.domain.judged,
        )
        critic = Speaker(self.critic, Sampling(max_new_tokens=self.feedback_tokens, stop=FEEDBACK_STOP))
        return interact(problems, dialogue, {GENERATOR: Speaker(backend, sampling), CRITIC: critic})

    @property
    def domain(self) -> Domain:
        """That of the task."""
        return domain_of(self.task.name)

    @cached_property
    def critic(self) -> Backend:
        """The critic, from its folder or else the registry. Raises TrackingError or ModelError if it is in neither."""
        name = f"{self.card.task}-{self.card.model}"
        folder = Path("models", CRITIC_METHOD, name)
        if not folder.is_dir():
            folder = tracking.load(f"models:/{CRITIC_METHOD}-{name}@champion")

        def load() -> tuple[Any, Any]:
            from stepwise.models.loading import load_model

            return load_model(folder)

        return make_backend(BackendParams(), load=load)


def answering(card: Card, task: Task) -> Answering | None:
    """How a model with this card answers; None unless it is REFINER's generator, on a task that has feedback.

    The numbers of revisions and of the critic's tokens are those of params.yaml, or the defaults where there is none.
    """
    if card.method != GENERATOR_METHOD or task.name not in DOMAINS:
        return None
    keys = params.load() if Path("params.yaml").is_file() else RefinerKeys()
    return Refining(task, card, keys.refiner_evaluate.updates, keys.refiner_critic.feedback_tokens)
