"""What a model answers when it may improve its answers, and what its updates are worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from stepwise import evaluation
from stepwise.methods.tripost.baselines.answer_only import ANSWER_ONLY, AnswerOnly
from stepwise.methods.tripost.dialogue import Conversation
from stepwise.methods.tripost.setup import TripostSetup, answers, attempts
from stepwise.records import Prediction, Problem, SampledTrajectory
from stepwise.tasks.base import Task


@dataclass(frozen=True)
class Examined:
    """Final answers, the turns that led to them, and flat metrics of both."""

    predictions: list[Prediction]
    trajectories: list[SampledTrajectory]
    numbers: dict[str, float]


def examine(
    setup: TripostSetup, method: str, model: Path, problems: Sequence[Problem], *, journal: Path | None = None
) -> Examined:
    """Greedy answers of a round's or a baseline's model. Raises EvaluationError if there are no problems."""
    if method == ANSWER_ONLY:
        setup = replace(setup, task=cast(Task, AnswerOnly(setup.task)))
    conversations = setup.converse(setup.make_backend(model), problems, setup.sampling(), journal=journal)
    return judge(setup.task, conversations)


def judge(task: Task, conversations: Sequence[Conversation]) -> Examined:
    """Conversations about all problems, checked. Raises EvaluationError if there are none."""
    predictions = answers(task, conversations)
    numbers = evaluation.summarise(predictions)
    numbers |= evaluation.self_correction(attempts(task, conversations))
    numbers["stalled"] = sum(talk.stalled for talk in conversations) / len(conversations)
    numbers["unreadable"] = sum(bool(talk.fault) for talk in conversations) / len(conversations)
    return Examined(predictions, [talk.to_record() for talk in conversations], numbers)
