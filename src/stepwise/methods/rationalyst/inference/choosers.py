"""Seven ways of choosing an agent's steps, behind one interface: RATIONALYST's two and what they are compared with.

All but `greedy` read the same number of samples a step, so that a gain is not one of more samples (the released code
compares with one random sample alone). No torch here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import partial

from stepwise.evaluation import cluster
from stepwise.methods.rationalyst.inference.state import Attempt, Choice, Models
from stepwise.methods.rationalyst.inference.supervision import Method, Rate, Rating, majority, mean_logprob, supervise
from stepwise.params.rationalyst import Chooser, RationalystSupervisionParams
from stepwise.records import Problem
from stepwise.tasks.base import Task

UNREADABLE = -1.0
"""Score of a candidate to which the verifier gave no grade: below every grade (the released code draws one)."""


def solve(
    chooser: Chooser,
    problems: Sequence[Problem],
    models: Models,
    task: Task,
    params: RationalystSupervisionParams,
    *,
    seed: int,
    answered: Callable[[str], bool],
) -> list[Attempt]:
    """The problems' attempts when this chooser takes the steps."""
    if chooser == "self_consistency":
        return _vote(problems, models, task, params)
    return supervise(problems, method(chooser, params, seed), models, answered, steps=params.steps)


def method(chooser: Chooser, params: RationalystSupervisionParams, seed: int) -> Method:
    """The method of a name that goes step by step."""
    count = params.candidates
    if chooser == "greedy":
        return Method(_first, 1, sampled=False)
    if chooser == "explicit":
        return Method(_by_note, count, leads=True)
    ratings: dict[str, Rate] = {
        "random": partial(_at_random, seed),
        "likelihood": partial(_by_likelihood, params.discount),
        "implicit": partial(_by_likelihood, params.discount),
        "verifier": _by_grade,
    }
    return Method(ratings[chooser], count, noted=chooser == "implicit")


def _vote(
    problems: Sequence[Problem], models: Models, task: Task, params: RationalystSupervisionParams
) -> list[Attempt]:
    """Whole solutions, of which the first with the most frequent answer is taken (maj@n)."""
    attempts = []
    for problem, samples in zip(problems, models.solve(problems, params.candidates), strict=True):
        answers = cluster([verdict.answer for verdict in task.check(problem, [one.text for one in samples])])
        chosen = samples[majority(answers)]
        steps = tuple(chosen.text.split(params.step_end))
        attempts.append(Attempt(problem, steps, tokens=chosen.tokens, done=chosen.ended))
    return attempts


def _first(_models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    return [[Rating(0.0)] * len(choice.texts) for choice in choices]


def _at_random(seed: int, _models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    """One of the proposals, repetitions counted: plain sampling, decided by seed, problem and step alone."""
    rated = []
    for choice in choices:
        attempt = choice.attempt
        digest = hashlib.blake2b(repr((seed, attempt.problem.id, len(attempt.steps))).encode(), digest_size=8).digest()
        drawn = choice.proposals[int.from_bytes(digest, "big") % len(choice.proposals)].text
        rated.append([Rating(float(text == drawn)) for text in choice.texts])
    return rated


def _by_likelihood(discount: float, models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    """Likelihood given the note, or without one where the method has none (implicit supervision and its ablation)."""

    def rate(several: Sequence[Choice]) -> list[list[Rating]]:
        return [[Rating(mean_logprob(one, discount)) for one in found] for found in models.likelihoods(several)]

    return _where_open(choices, rate)


def _by_grade(models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    def rate(several: Sequence[Choice]) -> list[list[Rating]]:
        return [[Rating(UNREADABLE if one is None else one) for one in found] for found in models.grades(several)]

    return _where_open(choices, rate)


def _by_note(models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    """The candidate after which RATIONALYST is surest of its next note, and the agent reads that note."""
    after = [choice.attempt.taken(candidate) for choice in choices for candidate in choice.candidates]
    notes = iter(models.notes(after))
    rated = []
    for choice in choices:
        several = [next(notes) for _ in choice.candidates]
        rated.append([Rating(mean_logprob(note.logprobs), note.text) for note in several])
    return rated


def _where_open(
    choices: Sequence[Choice], rate: Callable[[Sequence[Choice]], list[list[Rating]]]
) -> list[list[Rating]]:
    """The ratings of choices between several candidates; no model is asked about a single one."""
    several = [choice for choice in choices if len(choice.texts) > 1]
    found = iter(rate(several) if several else [])
    return [next(found) if len(choice.texts) > 1 else [Rating(0.0)] for choice in choices]
