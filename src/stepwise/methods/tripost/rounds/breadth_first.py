"""Edits many trajectories at once, so that a language model as verifier or improver gets its requests in batches.

Every trajectory runs until it needs an answer. Then all requests to the verifier are answered together, and all those
to the improver, and so on until no trajectory needs one. A trajectory gets the same answers as on its own: what else is
in a batch does not change them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from stepwise.methods.tripost.editing import Edited, Rejected, Request, Teacher, edit_steps
from stepwise.methods.tripost.roles import (
    BatchImprover,
    BatchVerifier,
    Improver,
    ImproveRequest,
    Verifier,
    VerifyRequest,
)
from stepwise.records import Feedback, Solution, Trajectory

Role = TypeVar("Role")
R = TypeVar("R", VerifyRequest, ImproveRequest)


def edit_many(work: Iterable[tuple[Trajectory, Teacher]]) -> list[Edited | Rejected]:
    """`edit` of each trajectory with its teacher, in order."""
    pairs = list(work)
    teachers = [teacher for _, teacher in pairs]
    editing = [edit_steps(trajectory, teacher) for trajectory, teacher in pairs]
    results: dict[int, Edited | Rejected] = {}
    answers: dict[int, Feedback | Solution | None] = dict.fromkeys(range(len(pairs)))
    while answers:
        requests: dict[int, Request] = {}
        for number, answer in answers.items():
            try:
                requests[number] = editing[number].send(answer)
            except StopIteration as end:
                results[number] = end.value
        answers = _answers(requests, teachers)
    return [results[number] for number in range(len(pairs))]


def _answers(requests: dict[int, Request], teachers: Sequence[Teacher]) -> dict[int, Feedback | Solution | None]:
    """The answers to the requests of one round."""
    verify = {number: request for number, request in requests.items() if isinstance(request, VerifyRequest)}
    improve = {number: request for number, request in requests.items() if isinstance(request, ImproveRequest)}
    verdicts = _by_role(verify, lambda number: teachers[number].verifier, verify_all)
    updates = _by_role(improve, lambda number: teachers[number].improver, improve_all)
    return verdicts | updates


def _by_role(
    requests: dict[int, R], role: Callable[[int], Role], answer: Callable[[Role, list[R]], list[Any]]
) -> dict[int, Any]:
    """The answers to requests; those to the same verifier or improver are answered together."""
    groups: dict[int, list[int]] = {}
    for number in requests:
        groups.setdefault(id(role(number)), []).append(number)
    answers: dict[int, Any] = {}
    for numbers in groups.values():
        group = [requests[number] for number in numbers]
        answers |= zip(numbers, answer(role(numbers[0]), group), strict=True)
    return answers


def verify_all(verifier: Verifier, requests: Sequence[VerifyRequest]) -> list[Feedback | None]:
    """A verifier's answers, in one batch if it takes batches."""
    if isinstance(verifier, BatchVerifier):
        return verifier.verify_batch(requests)
    return [verifier.verify(request.problem, request.solution) for request in requests]


def improve_all(improver: Improver, requests: Sequence[ImproveRequest]) -> list[Solution | None]:
    """An improver's answers, in one batch if it takes batches."""
    if isinstance(improver, BatchImprover):
        return improver.improve_batch(requests)
    return [
        improver.improve(request.problem, request.solution, request.feedback, request.prefix) for request in requests
    ]
