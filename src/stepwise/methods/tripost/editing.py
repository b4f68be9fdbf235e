"""Interactive trajectory editing: others correct what the model wrote, at its first mistake (arXiv 2310.13522).

The idea: a verifier judges the attempts of a trajectory a_1, g_1, a_2, g_2, ... one by one. At the first feedback g_j
that differs from the verifier's v_j, the trajectory is cut; v_j replaces g_j, and an improver rewrites the attempt from
its erroneous step on, until the verifier has no objection:

    a_1, g_1, ..., a_j, v_j | a'_1, v'_1, a'_2, v'_2, ..., a'_m, "correct"

So the model learns from its own attempts, and from feedback and updates that lead to the right answer. An attempt with
the right final answer and a plausible last step (`Teacher.correct`) is right; the verifier judges only the others.
Editing is a generator, which yields its requests to the two and is sent their answers; so trajectories can be edited
one by one (`edit`) or together, with the requests of all in a batch (`breadth_first.py`).

Where the released code differs: it accepts whatever ends with the right answer, including hallucinated criticism of a
right attempt; it discards trajectories that go from right to wrong, and those that are wrong at the end although every
feedback is right (here the former are cut at the right attempt, the latter are extended by the improver); it verifies
every attempt before it looks at the first; it takes step ids for line numbers and compares them as strings, so that
step 10 comes before 9.2 (here steps are found by their ids and compared by their position); its test whether the wrong
segment is gone never fails, since it compares lower case with the original; it finds the place of the edit by the text
of the feedback; and it loses a trajectory to every exception. If the improver goes back to an earlier error, only the
first correct feedback is learned, as there, but the turns before it are kept.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from stepwise.methods.tripost.roles import CORRECT, Improver, ImproveRequest, Verifier, VerifyRequest
from stepwise.methods.tripost.transcript import UNREADABLE, is_positive, malformed
from stepwise.records import Feedback, Problem, Solution, Step, Trajectory, Turn

Outcome = Literal["unchanged", "cut", "edited", "extended", "stuck"]
"""What became of a trajectory that is kept. unchanged: nothing was wrong. cut: it ends at the first right attempt, with
the positive feedback, where the model criticised the attempt or went on. edited: a wrong feedback was replaced and the
attempt improved. extended: all feedback was right, and the last attempt was improved. stuck: it ends at the first
correct feedback, because the improver went back to an earlier error."""

Reason = Literal["unjudged", "no_error", "no_update", "malformed", "prefix", "same_step", "same_segment", "still_wrong"]
"""Why a trajectory is rejected. unjudged, no_error: the verifier cannot judge an attempt, or finds no error in a wrong
one. no_update, malformed: the improver has no update, or one without an answer or the form of an attempt. prefix,
same_step, same_segment: an update changes the steps before the error, or leaves the erroneous step or the wrong part of
it as it was. still_wrong: the last update that is allowed is wrong."""


@dataclass(frozen=True)
class Teacher:
    """Who judges and corrects the attempts at a problem."""

    problem: Problem
    verifier: Verifier
    improver: Improver
    correct: Callable[[Solution], bool]
    """Whether the final answer is right and the last step leads to it; this uses the gold answer."""
    max_updates: int = 5


@dataclass(frozen=True)
class Edited:
    """A trajectory to learn from. It ends with the feedback on a right attempt, unless it is `stuck`."""

    trajectory: Trajectory
    outcome: Outcome


@dataclass(frozen=True)
class Rejected:
    """A trajectory that could not be corrected."""

    reason: Reason


Request = VerifyRequest | ImproveRequest
Result = TypeVar("Result")
Editing = Generator[Request, Any, Result]
"""Yields requests, and is sent what the verifier or the improver answers."""


def edit(trajectory: Trajectory, teacher: Teacher) -> Edited | Rejected:
    """Correct a trajectory from its first wrong feedback on. One without mistakes stays as it is.

    The last feedback may be missing: then a right attempt gets the positive one.
    """
    editing = edit_steps(trajectory, teacher)
    answer: Feedback | Solution | None = None
    while True:
        try:
            request = editing.send(answer)
        except StopIteration as end:
            result: Edited | Rejected = end.value
            return result
        if isinstance(request, VerifyRequest):
            answer = teacher.verifier.verify(request.problem, request.solution)
        else:
            answer = teacher.improver.improve(request.problem, request.solution, request.feedback, request.prefix)


def edit_steps(trajectory: Trajectory, teacher: Teacher) -> Editing[Edited | Rejected]:
    """`edit` as a generator; whoever drives it answers its requests."""
    for index, turn in enumerate(trajectory.turns):
        verdict = yield from _judge(turn.solution, teacher)
        if isinstance(verdict, Rejected):
            return verdict
        last = index == len(trajectory.turns) - 1
        right = turn.feedback is not None and agree(turn.feedback, verdict)
        turns = [*trajectory.turns[:index], turn if right else Turn(solution=turn.solution, feedback=verdict)]
        if is_positive(verdict):
            unchanged = last and (right or turn.feedback is None)
            return Edited(trajectory.model_copy(update={"turns": tuple(turns)}), "unchanged" if unchanged else "cut")
        if last or not right:
            updates = yield from _improve(turn.solution, verdict, teacher)
            if isinstance(updates, Rejected):
                return updates
            outcome: Outcome = "stuck" if not updates else "extended" if right else "edited"
            return Edited(trajectory.model_copy(update={"turns": (*turns, *updates)}), outcome)
    return Rejected("unjudged")


def _judge(solution: Solution, teacher: Teacher) -> Editing[Feedback | Rejected]:
    """The positive feedback on a right attempt, the verifier's on a wrong one."""
    if teacher.correct(solution):
        return CORRECT
    verdict: Feedback | None = yield VerifyRequest(teacher.problem, solution)
    if verdict is None:
        return Rejected("unjudged")
    if is_positive(verdict):
        return Rejected("no_error")
    return verdict if any(step.id == verdict.step for step in solution.steps) else Rejected("unjudged")


def agree(feedback: Feedback, verdict: Feedback) -> bool:
    """Whether both say that nothing is wrong, or name the same step and segments of which one contains the other.

    The reasons may differ; the model's is kept.
    """
    if feedback.kind == UNREADABLE or feedback.step != verdict.step:
        return False
    ours, theirs = ((text or "").strip() for text in (feedback.segment, verdict.segment))
    return ours == theirs or (bool(ours and theirs) and (ours in theirs or theirs in ours))


def _improve(solution: Solution, feedback: Feedback, teacher: Teacher) -> Editing[tuple[Turn, ...] | Rejected]:
    """Updates, each with its feedback, up to a right one; none if an update brings back an earlier error."""
    turns: list[Turn] = []
    back = False
    for _ in range(teacher.max_updates):
        prefix = steps_before(solution, feedback)
        update: Solution | None = yield ImproveRequest(teacher.problem, solution, feedback, prefix)
        if update is None:
            return Rejected("no_update")
        fault = no_progress(solution, feedback, update)
        if fault is not None:
            return Rejected(fault)
        verdict = yield from _judge(update, teacher)
        if isinstance(verdict, Rejected):
            return verdict
        turns.append(Turn(solution=update, feedback=verdict))
        if is_positive(verdict):
            return () if back else tuple(turns)
        same_error = (verdict.step, verdict.segment) == (feedback.step, feedback.segment)
        back = back or same_error or len(steps_before(update, verdict)) < len(prefix)
        solution, feedback = update, verdict
    return Rejected("still_wrong")


def no_progress(solution: Solution, feedback: Feedback, update: Solution) -> Reason | None:
    """Why an update is none, or None if it keeps the steps before the error and corrects the erroneous one."""
    if malformed(update.steps) is not None or update.answer is None:
        return "malformed"
    prefix = steps_before(solution, feedback)
    position = len(prefix)
    if update.steps[:position] != prefix:
        return "prefix"
    before, after = solution.steps[position].text, update.steps[position].text
    if after == before:
        return "same_step"
    segment = (feedback.segment or "").strip()
    # a word that is there twice by mistake may stay once
    kept = occurrences(segment, after) >= max(occurrences(segment, before), 1)
    return "same_segment" if kept else None


def occurrences(segment: str, text: str) -> int:
    """How often a text contains a segment as whole words: `= 1` is not in `= 12`. An empty one is nowhere."""
    count, start = 0, text.find(segment) if segment else -1
    while start >= 0:
        left, right = text[:start][-1:] + segment[0], segment[-1] + text[start + len(segment) :][:1]
        count += not any(len(edge) == 2 and edge.isalnum() for edge in (left, right))
        start = text.find(segment, start + 1)
    return count


def steps_before(solution: Solution, feedback: Feedback) -> tuple[Step, ...]:
    """The steps before the erroneous one."""
    return solution.steps[: [step.id for step in solution.steps].index(feedback.step or "")]
