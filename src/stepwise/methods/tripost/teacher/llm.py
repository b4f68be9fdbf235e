"""A language model as verifier (FBK) and improver (IMP), for each task with examples (arXiv 2310.13522, 3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from stepwise.generation.base import Sampling
from stepwise.methods.tripost.roles import ImproveRequest, VerifyRequest
from stepwise.methods.tripost.teacher.answers import Answers
from stepwise.methods.tripost.teacher.prompts import (
    STOP,
    improver_examples,
    improver_prompt,
    read_update,
    read_verdict,
    verifier_examples,
    verifier_prompt,
)
from stepwise.methods.tripost.teacher.shots import read_shots
from stepwise.records import Feedback, Problem, Solution, Step
from stepwise.tasks.base import Task

Req = TypeVar("Req")
T = TypeVar("T")


@dataclass(frozen=True)
class LlmSettings:
    """How a language model verifies and improves."""

    may_be_correct: bool = False
    """Whether the verifier may say that nothing is wrong. TriPosT's judges wrong attempts only; self-improvement
    prompting has to know when to stop."""
    verdict_tokens: int = 256
    """Length limit of a verdict; verdicts are greedy."""
    update_tokens: int = 1024
    """Length limit of an update. The paper's is 2048."""
    update_temperature: float = 0.7
    """The paper's."""
    seed: int = 0
    """Another seed draws other updates of the same attempts."""
    max_words: int = 900
    """Longer attempts are neither judged nor improved; the paper's limits are 200 to 900, by task."""

    def accepts(self, solution: Solution) -> bool:
        """Whether an attempt is short enough."""
        return len(solution.text.split()) <= self.max_words

    @property
    def verdict_sampling(self) -> Sampling:
        """How verdicts are generated; the seed does not matter."""
        return Sampling(max_new_tokens=self.verdict_tokens, stop=STOP)

    @property
    def update_sampling(self) -> Sampling:
        """How updates are generated."""
        return Sampling(
            max_new_tokens=self.update_tokens, temperature=self.update_temperature, stop=STOP, seed=self.seed
        )


class LlmVerifier:
    """A BatchVerifier: a language model that has read some verdicts."""

    def __init__(self, task: Task, answers: Answers, settings: LlmSettings):
        """Raises ShotsError if the task has no examples."""
        self.task, self.answers, self.settings = task, answers, settings
        self._examples = verifier_examples(task, read_shots(task.name), may_be_correct=settings.may_be_correct)

    def verify(self, problem: Problem, solution: Solution) -> Feedback | None:
        """See roles.Verifier."""
        return self.verify_batch([VerifyRequest(problem, solution)])[0]

    def verify_batch(self, requests: Sequence[VerifyRequest]) -> list[Feedback | None]:
        """See roles.BatchVerifier."""
        short = [request for request in requests if self.settings.accepts(request.solution)]
        prompts = [verifier_prompt(self.task, self._examples, request) for request in short]
        texts = self.answers.texts(prompts, self.settings.verdict_sampling)
        verdicts = [read_verdict(text, request.solution) for text, request in zip(texts, short, strict=True)]
        return _in_place(requests, short, verdicts)


class LlmImprover:
    """A BatchImprover: a language model that has read some updates and continues after the correct steps."""

    def __init__(self, task: Task, answers: Answers, settings: LlmSettings):
        """Raises ShotsError if the task has no examples."""
        self.task, self.answers, self.settings = task, answers, settings
        self._examples = improver_examples(task, read_shots(task.name))

    def improve(
        self, problem: Problem, solution: Solution, feedback: Feedback, prefix: Sequence[Step]
    ) -> Solution | None:
        """See roles.Improver."""
        return self.improve_batch([ImproveRequest(problem, solution, feedback, tuple(prefix))])[0]

    def improve_batch(self, requests: Sequence[ImproveRequest]) -> list[Solution | None]:
        """See roles.BatchImprover."""
        short = [request for request in requests if self.settings.accepts(request.solution)]
        prompts = [improver_prompt(self.task, self._examples, request) for request in short]
        texts = self.answers.texts(prompts, self.settings.update_sampling)
        updates = [read_update(self.task, text, request.prefix) for text, request in zip(texts, short, strict=True)]
        return _in_place(requests, short, updates)


def _in_place(requests: Sequence[Req], answered: Sequence[Req], results: Sequence[T | None]) -> list[T | None]:
    """The results at the places of their requests, None at the others."""
    by_request = {id(request): result for request, result in zip(answered, results, strict=True)}
    return [by_request.get(id(request)) for request in requests]
