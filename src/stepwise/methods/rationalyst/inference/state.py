"""Partial solutions, the steps that may come next, and the models that judge them. No torch here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from stepwise.records import Problem

A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Candidate:
    """A step that the agent proposes. `ended` says that the agent generated its end token; `tokens` is the length."""

    text: str
    ended: bool = False
    tokens: int = 0


@dataclass(frozen=True)
class Note:
    """What RATIONALYST wrote, with the log-probability in nats that it gave each token."""

    text: str
    logprobs: tuple[float, ...] = ()


@dataclass(frozen=True)
class PartialSolution:
    """A problem and the steps chosen so far."""

    problem: Problem
    steps: tuple[str, ...] = ()
    tokens: int = 0
    done: bool = False
    note: str = ""
    """A note that the agent itself reads before its next step (explicit supervision only)."""

    def extended(self, step: Candidate) -> PartialSolution:
        """The solution with one more step; an empty step only ends it."""
        steps = (*self.steps, step.text) if step.text else self.steps
        return replace(self, steps=steps, tokens=self.tokens + step.tokens, done=step.ended or not step.text)


@dataclass(frozen=True)
class Choice:
    """A partial solution, the agent's proposals for its next step, and RATIONALYST's note if the strategy uses one."""

    solution: PartialSolution
    proposals: tuple[Candidate, ...]
    note: str = ""

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """The proposals without duplicates, in order; of equal texts the first."""
        by_text = {proposal.text: proposal for proposal in reversed(self.proposals)}
        return tuple(by_text[text] for text in self.texts)

    @property
    def texts(self) -> tuple[str, ...]:
        """The candidates' texts."""
        return tuple(dict.fromkeys(proposal.text for proposal in self.proposals))


class Models(Protocol):
    """The agent, RATIONALYST, the scorer and the verifier. Each call covers all solutions in one pass."""

    def propose(self, solutions: Sequence[PartialSolution], count: int, *, sampled: bool) -> list[list[Candidate]]:
        """The agent's next steps: `count` samples, or the greedy step `count` times."""
        ...

    def solve(self, problems: Sequence[Problem], count: int) -> list[list[Candidate]]:
        """Whole solutions sampled from the agent."""
        ...

    def notes(self, solutions: Sequence[PartialSolution]) -> list[Note]:
        """RATIONALYST's note for what comes next in each solution."""
        ...

    def likelihoods(self, choices: Sequence[Choice]) -> list[list[tuple[float, ...]]]:
        """The scorer's token log-probabilities in nats of each candidate, given its solution and the choice's note."""
        ...

    def grades(self, choices: Sequence[Choice]) -> list[list[int | None]]:
        """The verifier's grade, 0 to 3, of each candidate; None where its reply holds no grade."""
        ...

    def run_both(self, first: Callable[[], A], second: Callable[[], B]) -> tuple[A, B]:
        """Both results; two servers work at the same time."""
        ...
