"""RATIONALYST's supervision (arXiv 2410.01044, section 3.3): a rationale chooses the next step of another model.

An agent proposes steps c after a partial solution x, and RATIONALYST writes a note r for x. The step taken is

    c* = argmax_c  sum_i w^i log p(c_i | x, r, c_<i) / sum_i w^i        (w = 1: the mean token log-probability)

under a scorer that was not trained for this. All problems advance in lock-step, so a step costs two round trips for all
of them: proposals and notes are requested together, then all candidates are scored in one pass.

The released code generates one more step after the answer has been given, also looks for the answer in the question,
divides the decayed sum by the number of tokens (with w = 0.9 this favours long steps), and scores duplicate candidates
three times. Here the answer is looked for in the chosen step only, the weights sum to one, duplicates are merged, and a
tie goes to the first candidate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

from stepwise.methods.rationalyst.inference.state import Candidate, Choice, Models, Note, PartialSolution
from stepwise.records import Problem


@dataclass(frozen=True)
class Rating:
    """How good a candidate is, and the note that the agent reads next if the candidate is chosen."""

    score: float
    note: str = ""


Rater = Callable[[Models, Sequence[Choice]], list[list[Rating]]]
"""Rates each choice's candidates, in order."""


@dataclass(frozen=True)
class Strategy:
    """How steps are chosen: `count` proposals, of which the one that `rate` scores highest is taken; ties go first."""

    rate: Rater
    count: int
    sampled: bool = True
    uses_notes: bool = False
    """Whether RATIONALYST writes a note for each solution while the agent proposes."""
    note_first: bool = False
    """Whether the agent reads a note before its first step."""


def supervise(
    problems: Sequence[Problem], strategy: Strategy, models: Models, answered: Callable[[str], bool], *, steps: int
) -> list[PartialSolution]:
    """Solve all problems in lock-step, in at most `steps` steps; `answered` says whether a step states the answer."""
    solutions = [PartialSolution(problem) for problem in problems]
    if strategy.note_first:
        notes = models.notes(solutions)
        solutions = [replace(solution, note=note.text) for solution, note in zip(solutions, notes, strict=True)]
    for _ in range(steps):
        active = [number for number, solution in enumerate(solutions) if not solution.done]
        if not active:
            break
        advanced = advance([solutions[number] for number in active], strategy, models, answered)
        for number, solution in zip(active, advanced, strict=True):
            solutions[number] = solution
    return solutions


def advance(
    solutions: Sequence[PartialSolution], strategy: Strategy, models: Models, answered: Callable[[str], bool]
) -> list[PartialSolution]:
    """Each solution extended by its chosen step."""

    def propose() -> list[list[Candidate]]:
        return models.propose(solutions, strategy.count, sampled=strategy.sampled)

    if strategy.uses_notes:
        proposed, notes = models.run_both(propose, lambda: models.notes(solutions))
    else:
        proposed, notes = propose(), [Note("")] * len(solutions)
    rows = zip(solutions, proposed, notes, strict=True)
    choices = [Choice(solution, tuple(proposals), note.text) for solution, proposals, note in rows]
    advanced = []
    for choice, ratings in zip(choices, strategy.rate(models, choices), strict=True):
        best = max(range(len(ratings)), key=lambda number: ratings[number].score)
        step = choice.candidates[best]
        solution = replace(choice.solution.extended(step), note=ratings[best].note)
        advanced.append(replace(solution, done=solution.done or answered(step.text)))
    return advanced


def mean_logprob(logprobs: Sequence[float], discount: float = 1.0) -> float:
    """sum_i w^i l_i / sum_i w^i in nats: at w = 1 the mean, whatever the length. Minus infinity for no tokens."""
    weights = [discount**i for i in range(len(logprobs))]
    total = sum(weight * logprob for weight, logprob in zip(weights, logprobs, strict=True))
    return total / sum(weights) if weights else float("-inf")


def majority(answers: Sequence[Hashable | None]) -> int:
    """Index of the first sample with the most frequent answer. None does not vote; ties go to the answer seen first."""
    votes = Counter(answer for answer in answers if answer is not None)
    return answers.index(votes.most_common(1)[0][0]) if votes else 0
