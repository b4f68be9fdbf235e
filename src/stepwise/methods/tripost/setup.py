"""TriPosT on a task: what its stages have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwise import evaluation
from stepwise.generation import make_backend
from stepwise.generation.base import Backend, Sampling
from stepwise.interaction import Speaker, interact
from stepwise.methods.tripost.dialogue import AGENT, Conversation, SelfImprovement
from stepwise.params import BackendParams, ModelParams, Params, TaskParams
from stepwise.params.tripost import SelfImprovementParams
from stepwise.records import Prediction, Problem
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task


@dataclass(frozen=True, kw_only=True)
class TripostSetup:
    """A task, a base model and how their models improve themselves."""

    task: Task
    task_params: TaskParams
    model_params: ModelParams
    backend: BackendParams
    inference: SelfImprovementParams
    seed: int

    @classmethod
    def load(cls, params: Params, task: str, model: str) -> TripostSetup:
        """From the parameters of a stage."""
        task_params = params.limits.cap(params.task[task])
        return cls(
            task=get_task(task, task_params, seed=params.seed),
            task_params=task_params,
            model_params=params.model[model],
            backend=params.backend,
            inference=params.tripost_inference,
            seed=params.seed,
        )

    def make_backend(self, model: Path) -> Backend:
        """A backend over a trained model, or over the servers that the parameters name."""

        def load() -> tuple[Any, Any]:
            from stepwise.models.loading import load_model

            return load_model(model, self.model_params.dtype)

        return make_backend(self.backend, load=load)

    def sampling(self, **changes: float) -> Sampling:
        """Greedy sampling of an attempt, with changes."""
        return Sampling(max_new_tokens=self.task_params.max_new_tokens, stop=self.task.stop, **changes)  # type: ignore[arg-type]

    def converse(
        self, backend: Backend, problems: Sequence[Problem], sampling: Sampling, *, journal: Path | None = None
    ) -> list[Conversation]:
        """What the model makes of each problem: attempts, and its own feedback and updates if it was taught them."""
        dialogue = SelfImprovement(
            self.task, self.inference.max_updates, self.task_params.max_new_tokens, self.inference.feedback_tokens
        )
        return interact(problems, dialogue, {AGENT: Speaker(backend, sampling)}, journal=journal)

    def dev_accuracy(self, problems: Sequence[Problem]) -> Callable[[Any, Any], float]:
        """A function (model, tokenizer) -> accuracy of the improved answers, by which training selects a state."""

        def score(model: Any, tokenizer: Any) -> float:
            from stepwise.generation.transformers_backend import TransformersBackend

            backend = TransformersBackend(model, tokenizer, batch_tokens=self.backend.batch_tokens)
            conversations = self.converse(backend, problems, self.sampling())
            return evaluation.accuracy(answers(self.task, conversations))

        return score


def answers(task: Task, conversations: Sequence[Conversation]) -> list[Prediction]:
    """The final answers, checked, in the form of every evaluation."""
    verdicts = task.check_many([(talk.problem, talk.answer_text) for talk in conversations])
    return [
        Prediction(
            problem_id=talk.problem.id,
            text=talk.answer_text,
            verdict=verdict,
            bin=talk.problem.bin,
            difficulty=talk.problem.difficulty,
            tokens=talk.tokens,
            finish_reason=talk.finish_reason,
        )
        for talk, verdict in zip(conversations, verdicts, strict=True)
    ]


def attempts(task: Task, conversations: Sequence[Conversation]) -> list[evaluation.Attempts]:
    """Whether each attempt of each conversation is right."""
    texts = [[turn.solution.text for turn in talk.turns] or [talk.answer_text] for talk in conversations]
    pairs = [(talk.problem, text) for talk, several in zip(conversations, texts, strict=True) for text in several]
    verdicts = iter(task.check_many(pairs))
    return [
        evaluation.Attempts(tuple(next(verdicts).correct for _ in several), talk.problem.bin)
        for talk, several in zip(conversations, texts, strict=True)
    ]
