"""RATIONALYST's supervision (arXiv 2410.01044, section 3.3): a rationale chooses the next step of another model.

Of the steps c that an agent proposes after a partial solution x, with the note r that RATIONALYST writes for x, take

    c* = argmax_c  sum_i w^i log p(c_i | x, r, c_<i) / sum_i w^i        (w = 1: the mean token log-probability)

under a scorer that is trained for none of this. All problems go in lock-step, so that a step costs two round trips for
all of them: proposals and notes are asked for at once, then all candidates are scored in one pass.

The released code asks once more after the answer is there, looks for it in the question too, divides the decayed sum by
the number of tokens (w = 0.9 then favours long steps), and scores equal candidates three times. Here the answer is
looked for in the chosen step, the weights sum to one, equal candidates are one, and a tie goes to the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from stepwise.methods.rationalyst.inference.state import Attempt, Candidate, Choice, Models, Note
from stepwise.records import Problem


@dataclass(frozen=True)
class Rating:
    """How good a candidate is, and the note that the agent reads next if it is taken."""

    score: float
    note: str = ""


Rate = Callable[[Models, Sequence[Choice]], list[list[Rating]]]
"""Ratings of each choice's candidates, in order."""


@dataclass(frozen=True)
class Method:
    """A way to choose steps: of `count` proposals the one that `rate` rates best, of equals the first."""

    rate: Rate
    count: int
    sampled: bool = True
    noted: bool = False
    """Whether RATIONALYST writes a note for each attempt while the agent proposes."""
    leads: bool = False
    """Whether the agent reads a note before its first step."""


def supervise(
    problems: Sequence[Problem], method: Method, models: Models, answered: Callable[[str], bool], *, steps: int
) -> list[Attempt]:
    """Solve all problems in lock-step, in at most `steps` steps; `answered` says whether a step states the answer."""
    attempts = [Attempt(problem) for problem in problems]
    if method.leads:
        attempts = [replace(one, note=note.text) for one, note in zip(attempts, models.notes(attempts), strict=True)]
    for _ in range(steps):
        active = [number for number, one in enumerate(attempts) if not one.done]
        if not active:
            break
        chosen = advance([attempts[number] for number in active], method, models, answered)
        for number, attempt in zip(active, chosen, strict=True):
            attempts[number] = attempt
    return attempts


def advance(
    attempts: Sequence[Attempt], method: Method, models: Models, answered: Callable[[str], bool]
) -> list[Attempt]:
    """Each attempt with its chosen step."""

    def propose() -> list[list[Candidate]]:
        return models.propose(attempts, method.count, sampled=method.sampled)

    if method.noted:
        proposed, notes = models.at_once(propose, lambda: models.notes(attempts))
    else:
        proposed, notes = propose(), [Note("")] * len(attempts)
    rows = zip(attempts, proposed, notes, strict=True)
    choices = [Choice(attempt, tuple(steps), note.text) for attempt, steps, note in rows]
    after = []
    for choice, ratings in zip(choices, method.rate(models, choices), strict=True):
        best = max(range(len(ratings)), key=lambda number: ratings[number].score)
        step = choice.candidates[best]
        attempt = replace(choice.attempt.taken(step), note=ratings[best].note)
        after.append(replace(attempt, done=attempt.done or answered(step.text)))
    return after


def mean_logprob(logprobs: Sequence[float], discount: float = 1.0) -> float:
    """sum_i w^i l_i / sum_i w^i in nats, minus infinity of nothing; at 1 the mean, whatever the length."""
    weights = [discount**i for i in range(len(logprobs))]
    total = sum(weight * one for weight, one in zip(weights, logprobs, strict=True))
    return total / sum(weights) if weights else float("-inf")


def majority(answers: Sequence[Hashable | None]) -> int:
    """Index of the first sample with the most frequent answer; None is none, and of equals the first seen wins."""
    votes = Counter(one for one in answers if one is not None)
    return answers.index(votes.most_common(1)[0][0]) if votes else 0
