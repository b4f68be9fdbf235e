"""Seven ways to choose an agent's steps behind one interface: RATIONALYST's two, and five to compare them with.

All but `greedy` sample the same number of candidates, so that a gain cannot come from more samples (the released code
compares with a single random sample only). No torch here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial

from stepwise.evaluation import cluster
from stepwise.methods.rationalyst.inference.state import Choice, Models, PartialSolution
from stepwise.methods.rationalyst.inference.supervision import (
    Rater,
    Rating,
    Strategy,
    majority,
    mean_logprob,
    supervise,
)
from stepwise.params.rationalyst import Chooser, RationalystSupervisionParams
from stepwise.records import Problem
from stepwise.tasks.base import Task

UNREADABLE = -1.0
"""Score of a candidate whose grade cannot be read: below every grade (the released code draws a random grade)."""


def solve(
    chooser: Chooser,
    problems: Sequence[Problem],
    models: Models,
    task: Task,
    params: RationalystSupervisionParams,
    *,
    seed: int,
    answered: Callable[[str], bool],
) -> list[PartialSolution]:
    """Solve the problems, with this chooser selecting the steps."""
    if chooser == "self_consistency":
        return _vote(problems, models, task, params)
    return supervise(problems, strategy(chooser, params, seed), models, answered, steps=params.steps)


def strategy(chooser: Chooser, params: RationalystSupervisionParams, seed: int) -> Strategy:
    """The strategy of a chooser that works step by step."""
    count = params.candidates
    if chooser == "greedy":
        return Strategy(_first, 1, sampled=False)
    if chooser == "explicit":
        return Strategy(_by_note, count, note_first=True)
    raters: dict[str, Rater] = {
        "random": partial(_at_random, seed),
        "likelihood": partial(_by_likelihood, params.discount),
        "implicit": partial(_by_likelihood, params.discount),
        "verifier": _by_grade,
    }
    return Strategy(raters[chooser], count, uses_notes=chooser == "implicit")


def _vote(
    problems: Sequence[Problem], models: Models, task: Task, params: RationalystSupervisionParams
) -> list[PartialSolution]:
    """Sample whole solutions and take the first with the most frequent answer (maj@n)."""
    solutions = []
    for problem, samples in zip(problems, models.solve(problems, params.candidates), strict=True):
        answers = cluster([verdict.answer for verdict in task.check(problem, [sample.text for sample in samples])])
        winner = samples[majority(answers)]
        steps = tuple(winner.text.split(params.step_end))
        solutions.append(PartialSolution(problem, steps, tokens=winner.tokens, done=winner.ended))
    return solutions


def _first(_models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    return [[Rating(0.0)] * len(choice.texts) for choice in choices]


def _at_random(seed: int, _models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    """Plain sampling: one proposal drawn, duplicates counted. The draw depends on seed, problem and step only."""
    ratings = []
    for choice in choices:
        key = (seed, choice.solution.problem.id, len(choice.solution.steps))
        digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
        drawn = choice.proposals[int.from_bytes(digest, "big") % len(choice.proposals)].text
        ratings.append([Rating(float(text == drawn)) for text in choice.texts])
    return ratings


def _by_likelihood(discount: float, models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    """Likelihood given the note (implicit supervision) or, where the strategy has no notes, without (its ablation)."""

    def rate(undecided: Sequence[Choice]) -> list[list[Rating]]:
        return [
            [Rating(mean_logprob(logprobs, discount)) for logprobs in candidates]
            for candidates in models.likelihoods(undecided)
        ]

    return _where_undecided(choices, rate)


def _by_grade(models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    def rate(undecided: Sequence[Choice]) -> list[list[Rating]]:
        return [
            [Rating(UNREADABLE if grade is None else grade) for grade in candidates]
            for candidates in models.grades(undecided)
        ]

    return _where_undecided(choices, rate)


def _by_note(models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    """Prefer the candidate after which RATIONALYST is surest of its next note; the agent then reads that note."""
    extended = [choice.solution.extended(candidate) for choice in choices for candidate in choice.candidates]
    notes = iter(models.notes(extended))
    ratings = []
    for choice in choices:
        own_notes = [next(notes) for _ in choice.candidates]
        ratings.append([Rating(mean_logprob(note.logprobs), note.text) for note in own_notes])
    return ratings


def _where_undecided(
    choices: Sequence[Choice], rate: Callable[[Sequence[Choice]], list[list[Rating]]]
) -> list[list[Rating]]:
    """Ratings of all choices; those with a single candidate cost no model call."""
    undecided = [choice for choice in choices if len(choice.texts) > 1]
    ratings = iter(rate(undecided) if undecided else [])
    return [next(ratings) if len(choice.texts) > 1 else [Rating(0.0)] for choice in choices]
