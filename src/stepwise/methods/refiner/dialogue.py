"""How a generator and a critic answer together (arXiv 2304.01904, section 3; spec 1.12).

The generator proposes, the critic comments, and the generator revises its attempt after the comment:

    z_0 = generator(x),   f_t = critic(x, z_t),   z_{t+1} = generator(x, z_t, f_t)

until the feedback is that nothing is wrong, or there have been `updates` revisions. The last attempt is the answer, or,
as an option, the attempt with which the critic finds the fewest faults. An attempt that repeats the one before it and
gets the same feedback again ends the conversation too, because every further attempt would be the same.

The critic is a speaker of its own, or a function: the oracle, which compares with the gold solution. Results of the
oracle are an upper bound, not something to compare with.

Where the released code differs: its script for a trained critic asks the critic, throws the answer away and feeds the
oracle's; it always takes two turns, the second one by another generator; and it neither stops nor knows a best attempt.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from stepwise.generation.base import Completion
from stepwise.interaction import Request
from stepwise.methods.refiner.domains.base import Domain
from stepwise.methods.refiner.feedback import NO_FAULT, Templates
from stepwise.methods.refiner.perturbation import noisy
from stepwise.methods.refiner.texts import critic_prompt, revision_prompt
from stepwise.records import Feedback, Problem, Prompt, SampledTrajectory, Turn
from stepwise.tasks.base import Task

GENERATOR, CRITIC = "generator", "critic"
"""The speakers."""

Comment = Callable[[Problem, str, int], str]
"""(problem, attempt, number of the attempt from 1) -> feedback."""


@dataclass(frozen=True)
class Attempt:
    """A solution and what the critic says about it."""

    text: str
    feedback: str | None = None
    """None if nobody comments on it."""
    finish_reason: Literal["eos", "stop", "length"] = "eos"


@dataclass(frozen=True)
class Conversation:
    """What generator and critic have said about a problem."""

    problem: Problem
    attempts: tuple[Attempt, ...] = ()
    tokens: int = 0
    """Tokens that both have written."""

    @property
    def stalled(self) -> bool:
        """Whether the last attempt repeats the one before it."""
        return len(self.attempts) > 1 and self.attempts[-1].text == self.attempts[-2].text

    @property
    def transcript(self) -> str:
        """All turns, an attempt and its feedback below one another."""
        return "\n".join(
            attempt.text if attempt.feedback is None else f"{attempt.text}\nFeedback: {attempt.feedback}"
            for attempt in self.attempts
        )

    def to_record(self, task: Task) -> SampledTrajectory:
        """The conversation as a stage stores it."""
        turns = tuple(
            Turn(
                solution=task.parse(attempt.text),
                feedback=None if attempt.feedback is None else Feedback(text=attempt.feedback),
            )
            for attempt in self.attempts
        )
        return SampledTrajectory(problem_id=self.problem.id, turns=turns, tokens=self.tokens)


@dataclass(frozen=True)
class Examples:
    """What a generator reads before every request that was not trained on the task."""

    attempts: Prompt = ()
    """Before a first attempt: solved problems."""
    revisions: Prompt = ()
    """Before an attempt to revise: wrong attempts with feedback, put right."""


NO_EXAMPLES = Examples()
"""For a generator that was trained on the task."""


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """The Dialogue of a generator and a critic."""

    task: Task
    updates: int
    """Most revisions; with 0 the first attempt is the answer."""
    attempt_tokens: int
    """Length limit of an attempt, in the generator's tokens."""
    feedback_tokens: int
    """Length limit of a feedback, in the critic's tokens."""
    judged: Callable[[str], str]
    """The part of an attempt that the critic reads."""
    comment: Comment | None = None
    """Feedback without a model; None asks the critic."""
    comment_on_last: bool = False
    """Feedback on the last attempt that is allowed too, which no revision reads but a choice among attempts needs."""
    examples: Examples = NO_EXAMPLES

    def begin(self, problem: Problem) -> Conversation:
        """See interaction.Dialogue."""
        return Conversation(problem)

    def request(self, state: Conversation) -> Request | None:
        """See interaction.Dialogue."""
        prompt = self.task.prompt(state.problem)
        if not state.attempts:
            return Request(GENERATOR, (*self.examples.attempts, *prompt), self.attempt_tokens)
        last = state.attempts[-1]
        if last.feedback is None:
            if not self._is_commented_on(len(state.attempts)):
                return None
            return Request(CRITIC, critic_prompt(prompt, self.judged(last.text)), self.feedback_tokens)
        repeated = state.stalled and state.attempts[-2].feedback == last.feedback
        if last.feedback == NO_FAULT or repeated or len(state.attempts) > self.updates:
            return None
        revision = revision_prompt(prompt, last.text, last.feedback)
        return Request(GENERATOR, (*self.examples.revisions, *revision), self.attempt_tokens)

    def receive(self, state: Conversation, completion: Completion) -> Conversation:
        """See interaction.Dialogue."""
        text, tokens = completion.text.strip(), state.tokens + len(completion.token_ids)
        if state.attempts and state.attempts[-1].feedback is None:
            commented = replace(state.attempts[-1], feedback=text)
            return replace(state, attempts=(*state.attempts[:-1], commented), tokens=tokens)
        number = len(state.attempts) + 1
        feedback = None
        if self.comment is not None and self._is_commented_on(number):
            feedback = self.comment(state.problem, text, number)
        attempt = Attempt(text, feedback, completion.finish_reason)
        return replace(state, attempts=(*state.attempts, attempt), tokens=tokens)

    def _is_commented_on(self, number: int) -> bool:
        return number <= self.updates or (self.comment_on_last and self.updates > 0)


def oracle(domain: Domain, *, noise: float = 0.0, seed: int = 0) -> Comment:
    """Feedback that compares with the gold; with probability `noise` it is about another error (section 5)."""

    def comment(problem: Problem, text: str, number: int) -> str:
        rng = random.Random(f"{seed}-{number}-{problem.id}")
        return domain.templates.render(noisy(domain, problem, domain.oracle(problem, text), noise, rng))

    return comment


def best(conversation: Conversation, templates: Templates) -> Attempt:
    """The attempt with which the critic finds the fewest faults; of several, the last.

    An attempt without feedback, or whose feedback cannot be read, comes after all others.
    """
    return min(reversed(conversation.attempts), key=lambda attempt: _faults(attempt, templates))


def _faults(attempt: Attempt, templates: Templates) -> float:
    faults = None if attempt.feedback is None else templates.parse(attempt.feedback)
    return math.inf if faults is None else len(faults)
