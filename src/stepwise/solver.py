"""A trained model that answers questions: `load("models:/warm_up-word_problems-tiny@champion").solve("...")`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stepwise import params, tracking
from stepwise.generation import make_backend
from stepwise.generation.base import Backend, Sampling
from stepwise.methods import registry
from stepwise.methods.base import Answer, Answering
from stepwise.models.card import Card, read_card
from stepwise.params import BackendParams, ParamsError, TaskParams
from stepwise.records import Prediction, Problem, Solution
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task

UNKNOWN = "0"
"""A stand-in for the gold answer of a new question: only the verdict's answer is used, not whether it is right."""


@dataclass
class Solver:
    """A model with the task whose prompt and answer format it uses."""

    task: Task
    backend: Backend
    max_new_tokens: int
    card: Card
    answering: Answering | None = None
    """How the model answers; None for a completion of the task's prompt."""

    def solve(self, question: str) -> Solution:
        """Answer a question greedily: the model's text, its steps, and the answer (for a program, its result)."""
        return self.solve_many([question])[0]

    def solve_many(self, questions: Sequence[str]) -> list[Solution]:
        """Answer several questions in one batch; see solve."""
        return [solution for solution, _ in self.converse(questions)]

    def converse(self, questions: Sequence[str]) -> list[tuple[Solution, str]]:
        """Each question's solution, and all that the model wrote on the way to it, where that is more."""
        problems = [
            Problem(id=f"question-{i}", task=self.task.name, split="test", question=question, answer=UNKNOWN)
            for i, question in enumerate(questions)
        ]
        answers = self._way.answer(problems, self.backend, self._greedy)
        solutions = self._solutions(problems, answers)
        return [(solution, answer.transcript) for solution, answer in zip(solutions, answers, strict=True)]

    def examine(self, problems: Sequence[Problem]) -> tuple[list[Prediction], dict[str, float]]:
        """Checked greedy answers and their flat metrics. Raises EvaluationError if there are no problems."""
        return self._way.examine(problems, self.backend, self._greedy)

    def _solutions(self, problems: Sequence[Problem], answers: Sequence[Answer]) -> list[Solution]:
        solutions = [self.task.parse(answer.text) for answer in answers]
        if self.task.form != "formula":
            return solutions
        pairs = [(problem, answer.text) for problem, answer in zip(problems, answers, strict=True)]
        return [
            solution.model_copy(update={"answer": verdict.answer})
            for solution, verdict in zip(solutions, self.task.check_many(pairs), strict=True)
        ]

    @property
    def _way(self) -> Answering:
        return self.answering or Answering(self.task)

    @property
    def _greedy(self) -> Sampling:
        return Sampling(max_new_tokens=self.max_new_tokens, stop=self.task.stop)


def load(model: str, task: str | None = None) -> Solver:
    """A solver from a trained model's folder or `models:/NAME@champion`, for the model's own task or another.

    Raises TrackingError or ModelError for a missing model, and ParamsError for a task that params.yaml does not have.
    """
    folder = tracking.load(model)
    card = read_card(folder)
    name = task or card.task
    task_params = card.task_params if name == card.task else _task_params(name)

    def load_weights() -> tuple[object, object]:
        from stepwise.models.loading import load_model

        return load_model(folder)

    backend = make_backend(BackendParams(), load=load_weights)
    solved_task = get_task(name, task_params, seed=0)
    return Solver(solved_task, backend, task_params.max_new_tokens, card, registry.answering(card, solved_task))


def _task_params(name: str) -> TaskParams:
    known = params.load().task
    if name not in known:
        raise ParamsError(f"params.yaml has no task {name!r}; it has {', '.join(sorted(known))}")
    return known[name]
