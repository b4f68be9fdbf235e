"""What generator and critic are worth: answers y, representations z, feedback, and what revisions change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from stepwise import evaluation
from stepwise.methods.refiner.bleu import bleu
from stepwise.methods.refiner.dialogue import Attempt, Conversation, best
from stepwise.methods.refiner.domains.base import Domain
from stepwise.methods.refiner.feedback import NO_FAULT, UNREAD, Templates
from stepwise.records import Prediction, Problem, SampledTrajectory, Verdict
from stepwise.statistics import wilson
from stepwise.tasks.base import Task

Z = "z_"
"""What metrics of z begin with; the others are of y."""
CHANGES = tuple(
    f"{name}{end}"
    for name in ("contribution", "harm", "right_stays_right", "wrong_becomes_right")
    for end in ("", "_low", "_high")
)
"""Metrics of self-correction that z has too."""


@dataclass(frozen=True)
class Examined:
    """Answers, the turns that led to them, and flat metrics of both."""

    predictions: list[Prediction]
    """Whether y is right."""
    exact: list[Prediction]
    """Whether z is the gold's; empty if the gold is not known."""
    trajectories: list[SampledTrajectory]
    numbers: dict[str, float]


def judge(
    task: Task,
    domain: Domain,
    conversations: Sequence[Conversation],
    *,
    by_model: bool = False,
    pick_best: bool = False,
) -> Examined:
    """Conversations about all problems, checked; those of z only if every problem has a reference solution.

    Args:
        task: what y is checked by.
        domain: what z is compared by.
        conversations: one for each problem.
        by_model: a model has commented, whose feedback is compared with the oracle's.
        pick_best: the answer is the attempt that the critic likes best instead of the last.

    Raises EvaluationError if there are no conversations.
    """
    chosen = [best(talk, domain.templates) if pick_best else talk.attempts[-1] for talk in conversations]
    predictions = _predictions(task, conversations, chosen)
    numbers = evaluation.summarise(predictions)
    numbers |= evaluation.self_correction(_answers(task, conversations, predictions))
    numbers["stalled"] = sum(talk.stalled for talk in conversations) / len(conversations)
    exact: list[Prediction] = []
    if all(talk.problem.reference is not None for talk in conversations):
        exact = [
            _graded(answer, domain.exact(talk.problem, answer.text))
            for talk, answer in zip(conversations, predictions, strict=True)
        ]
        numbers |= _representations(domain, conversations, exact)
        numbers |= feedback_accuracy(domain, conversations) if by_model else {}
    return Examined(predictions, exact, [talk.to_record(task) for talk in conversations], numbers)


def feedback_accuracy(domain: Domain, conversations: Sequence[Conversation]) -> dict[str, float]:
    """How often a critic names exactly the faults that the oracle does, on all attempts that it comments on.

    Feedback is a set of faults, so the order of its sentences does not matter (section 4.2 of the paper). `missed` is
    the share of wrong attempts that the critic finds nothing wrong with, `false_alarm` that of right ones that it finds
    something wrong with; either is left out if there are no such attempts.
    """
    commented = [
        (frozenset(domain.oracle(talk.problem, attempt.text)), domain.templates.parse(attempt.feedback), attempt)
        for talk in conversations
        for attempt in talk.attempts
        if attempt.feedback is not None
    ]
    if not commented:
        return {}
    wrong = [attempt.feedback == NO_FAULT for gold, _, attempt in commented if gold]
    right = [attempt.feedback != NO_FAULT for gold, _, attempt in commented if not gold]
    return {
        "feedbacks": float(len(commented)),
        **_share("feedback_accuracy", [faults == gold for gold, faults, _ in commented]),
        **({"missed": sum(wrong) / len(wrong)} if wrong else {}),
        **({"false_alarm": sum(right) / len(right)} if right else {}),
        "unreadable_feedback": sum(faults is None for _, faults, _ in commented) / len(commented),
    }


def critic_rates(templates: Templates, feedbacks: Sequence[str]) -> dict[str, float]:
    """Shares of answers in whose feedback a critic names each kind of fault, or whose feedback cannot be read.

    Named like the oracle's `fault_KIND`, which they stand beside.
    """
    named = [templates.parse(text) for text in feedbacks]
    kinds = Counter(kind for faults in named for kind in {fault.kind for fault in faults or ()})
    return {
        **{f"critic_fault_{kind}": kinds[kind] / len(named) for kind in templates.sentences},
        f"critic_{UNREAD}": sum(faults is None for faults in named) / len(named),
    }


def _representations(
    domain: Domain, conversations: Sequence[Conversation], exact: Sequence[Prediction]
) -> dict[str, float]:
    """Metrics of z: exact match, equivalence, BLEU of the solution's text, changes by revisions, faults that remain."""
    pairs = [(talk.problem, answer.text) for talk, answer in zip(conversations, exact, strict=True)]
    right = [answer.verdict.correct for answer in exact]
    attempts = [
        evaluation.Attempts((*(domain.exact(talk.problem, early.text) for early in talk.attempts[:-1]), flag))
        for talk, flag in zip(conversations, right, strict=True)
    ]
    changes = evaluation.self_correction(attempts)
    remaining = Counter(kind for problem, text in pairs for kind in {f.kind for f in domain.oracle(problem, text)})
    return {
        **_share(f"{Z}exact", right),
        **_share(f"{Z}equivalent", [domain.equivalent(problem, text) for problem, text in pairs]),
        "bleu": bleu([(_reference(problem), text) for problem, text in pairs]),
        **{f"{Z}{name}": changes[name] for name in CHANGES if name in changes},
        **{f"fault_{kind}": remaining[kind] / len(pairs) for kind in domain.templates.sentences},
    }


def _predictions(task: Task, conversations: Sequence[Conversation], chosen: Sequence[Attempt]) -> list[Prediction]:
    pairs = [(talk.problem, attempt.text) for talk, attempt in zip(conversations, chosen, strict=True)]
    return [
        Prediction(
            problem_id=talk.problem.id,
            text=attempt.text,
            verdict=verdict,
            bin=talk.problem.bin,
            difficulty=talk.problem.difficulty,
            tokens=talk.tokens,
            finish_reason=attempt.finish_reason,
        )
        for talk, attempt, verdict in zip(conversations, chosen, task.check_many(pairs), strict=True)
    ]


def _answers(
    task: Task, conversations: Sequence[Conversation], predictions: Sequence[Prediction]
) -> list[evaluation.Attempts]:
    """Whether y is right in each attempt but the last, and in the answer."""
    earlier = [(talk.problem, attempt.text) for talk in conversations for attempt in talk.attempts[:-1]]
    verdicts = iter(task.check_many(earlier))
    return [
        evaluation.Attempts(
            (*(next(verdicts).correct for _ in talk.attempts[:-1]), answer.verdict.correct), talk.problem.bin
        )
        for talk, answer in zip(conversations, predictions, strict=True)
    ]


def _graded(answer: Prediction, right: bool) -> Prediction:
    return answer.model_copy(update={"verdict": Verdict(strict_correct=right, correct=right)})


def _reference(problem: Problem) -> str:
    return problem.reference.text if problem.reference is not None else ""


def _share(name: str, flags: Sequence[bool]) -> dict[str, float]:
    interval = wilson(sum(flags), len(flags))
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
