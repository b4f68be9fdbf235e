"""Partial solutions, what may come next, and the models that are asked about them. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from stepwise.records import Problem

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Candidate:
    """A step that the agent proposes. `ended` says that the agent had nothing more to say; `tokens` is its length."""

    text: str
    ended: bool = False
    tokens: int = 0


@dataclass(frozen=True)
class Note:
    """What RATIONALYST wrote, with the log-probability in nats that it gave each of its tokens."""

    text: str
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """A problem and the steps taken so far."""

    problem: Problem
    steps: tuple[str, ...] = ()
    tokens: int = 0
    done: bool = False
    note: str = ""
    """A note that the agent itself reads before its next step (explicit supervision alone)."""

    def taken(self, step: Candidate) -> Attempt:
        """The attempt with one more step; an empty one only ends it."""
        steps = (*self.steps, step.text) if step.text else self.steps
        return replace(self, steps=steps, tokens=self.tokens + step.tokens, done=step.ended or not step.text)


@dataclass(frozen=True)
class Choice:
    """An attempt, what the agent proposes next, and RATIONALYST's note where the method wants one."""

    attempt: Attempt
    proposals: tuple[Candidate, ...]
    note: str = ""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The proposals without repetitions, in order."""
        return tuple({one.text: one for one in reversed(self.proposals)}[text] for text in self.texts)

    @property
    def texts(self) -> tuple[str, ...]:
        """Their texts."""
        return tuple(dict.fromkeys(one.text for one in self.proposals))


class Models(Protocol):
    """The agent, RATIONALYST, the scorer and the verifier, each asked for all attempts in one pass."""

    def propose(self, attempts: Sequence[Attempt], count: int, *, sampled: bool) -> list[list[Candidate]]:
        """The agent's next steps: `count` samples, or the greedy one `count` times."""
        ...

    def solve(self, problems: Sequence[Problem], count: int) -> list[list[Candidate]]:
        """Whole sampled solutions of the agent."""
        ...

    def notes(self, attempts: Sequence[Attempt]) -> list[Note]:
        """RATIONALYST's note for what comes next in each attempt."""
        ...

    def likelihoods(self, choices: Sequence[Choice]) -> list[list[tuple[float, ...]]]:
        """The scorer's token log-probabilities in nats of each candidate after its attempt and the choice's note."""
        ...

    def grades(self, choices: Sequence[Choice]) -> list[list[int | None]]:
        """The verifier's grade, 0 to 3, of each candidate after its attempt; None for what is no grade."""
        ...

    def at_once(self, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        """Both results; servers are asked at the same time."""
        ...
