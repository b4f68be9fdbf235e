from __future__ import annotations

from collections.abc import Sequence

import pytest

from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.rounds.editing_round import Editor, counts, edit_passes
from stepwise.records import EditedTrajectory, Feedback, SampledTrajectory, Solution, Step
from tests.methods.tripost.sums import (
    ScriptedImprover,
    SumTask,
    SumVerifier,
    attempt,
    negative,
    problem,
    solve,
    trajectory,
)

SUM = problem(1, 2, 3)
WRONG = attempt("1 + 2 = 4.", "4 + 3 = 7.", "So the answer is 7.")
LUCKY = attempt("1 + 2 = 4.", "3 + 3 = 6.", "So the answer is 6.")
IMPLAUSIBLE = attempt("1 + 2 = 3.", "3 + 3 = 7.", "So the answer is 6.")
RIGHT = solve([1, 2, 3])
ERROR = Feedback(text="it should be (1) 1 + 2 = 3.", kind="sum", step="1", segment="1 + 2 = 4")


def editor(updates: Sequence[Solution | None] = (), **changes: bool) -> Editor:
    return Editor(SumTask(), SumVerifier(), ScriptedImprover(list(updates)), max_updates=5, **changes)


def edit(editor: Editor, written: SampledTrajectory) -> EditedTrajectory:
    """The only trajectory, edited."""
    (result,) = editor.edit([(SUM, written)])
    return result


def sampled(*parts: Solution | Feedback, sample: int = 0, **changes: str) -> SampledTrajectory:
    return SampledTrajectory(problem_id="sum", sample=sample, turns=trajectory(*parts).turns, **changes)


def test_a_wrong_attempt_is_improved() -> None:
    result = edit(editor(), sampled(WRONG, CORRECT, sample=2))
    expected = trajectory(WRONG, ERROR, RIGHT, CORRECT)
    assert result == EditedTrajectory(trajectory=expected, sample=2, outcome="edited")


@pytest.mark.parametrize(("fault", "reason"), [("repeated_step", "unreadable_repeated_step"), ("", "unreadable_empty")])
def test_a_text_of_which_nothing_can_be_read_is_rejected_with_the_reason(fault: str, reason: str) -> None:
    result = edit(editor(), sampled(sample=3, fault=fault, unreadable="well"))
    assert result == EditedTrajectory(trajectory=trajectory(), sample=3, rejected=reason)


def test_what_can_be_read_of_a_text_is_edited() -> None:
    result = edit(editor(), sampled(WRONG, negative("2", "7"), fault="unfinished", unreadable="..."))
    assert (result.trajectory, result.outcome) == (trajectory(WRONG, ERROR, RIGHT, CORRECT), "edited")


def test_a_rejected_trajectory_is_kept_as_it_was_written() -> None:
    result = edit(editor([None]), sampled(WRONG, CORRECT))
    assert result == EditedTrajectory(trajectory=trajectory(WRONG, CORRECT), rejected="no_update")


def test_a_right_answer_needs_a_step_that_leads_to_it() -> None:
    assert edit(editor(), sampled(LUCKY)).trajectory == trajectory(LUCKY, CORRECT)
    assert edit(editor(), sampled(IMPLAUSIBLE)).outcome == "edited"


def test_right_answers_may_be_judged_too() -> None:
    strict = editor(judge_right_answers=True)
    assert edit(strict, sampled(LUCKY)).trajectory == trajectory(LUCKY, ERROR, RIGHT, CORRECT)
    assert edit(strict, sampled(RIGHT)).trajectory == trajectory(RIGHT, CORRECT)
    unreadable = attempt("unreadable.", "3 + 3 = 6.", "So the answer is 6.")
    assert edit(strict, sampled(unreadable)).rejected == "unjudged"
    assert edit(editor(), sampled(unreadable)).outcome == "unchanged"


OTHER = problem(2, 2, 3).model_copy(update={"id": "other"})
PROBLEMS = {"sum": SUM, "other": OTHER}


def other(*parts: Solution | Feedback, sample: int) -> SampledTrajectory:
    return sampled(*parts, sample=sample).model_copy(update={"problem_id": "other"})


# pass 0 makes two rows and one, pass 1 two more, pass 2 nothing new
PASSES = [
    other(attempt("2 + 2 = 4.", "4 + 3 = 8.", "So the answer is 8."), sample=1),
    sampled(WRONG, CORRECT, sample=0),
    other(solve([2, 2, 3]), sample=0),
    sampled(WRONG, negative("2", "7"), sample=1),  # edited like the one of pass 0
    other(solve([2, 2, 3]), CORRECT, sample=2),  # its feedback was added in pass 0
]


@pytest.mark.parametrize(
    ("most", "samples"), [(0, [0, 0, 1]), (1, [0, 0]), (3, [0, 0]), (4, [0, 0, 1]), (100, [0, 0, 1])]
)
def test_passes_are_edited_whole_until_there_are_rows_enough(most: int, samples: list[int]) -> None:
    edited = edit_passes(PASSES, PROBLEMS, editor(), most)
    assert [result.sample for result in edited] == samples
    assert [len(result.trajectory.turns) for result in edited] == [2, 1, 2][: len(samples)]


def test_rejected_trajectories_are_no_rows() -> None:
    edited = edit_passes([sampled(WRONG), sampled(LUCKY, sample=1)], PROBLEMS, editor([None]), most_rows=1)
    assert [(result.rejected, result.outcome) for result in edited] == [("no_update", ""), ("", "unchanged")]


def test_texts_of_which_nothing_can_be_read_count_apart_unless_they_are_the_same() -> None:
    texts = [("empty", ""), ("unfinished", "(1) 1"), ("unfinished", "(1) 2"), ("unfinished", "(1) 1")]
    passes = [sampled(sample=number, fault=fault, unreadable=rest) for number, (fault, rest) in enumerate(texts)]
    edited = edit_passes(passes, PROBLEMS, editor())
    assert [result.sample for result in edited] == [0, 1, 2]


def test_the_counts_add_up() -> None:
    repeated = sampled(sample=1, fault="repeated_step", unreadable="(1) a\n(1) b")
    unjudged = other(Solution(text="", steps=(Step(id="1", text="(1) unreadable."),)), sample=0)
    edited = edit_passes([*PASSES, repeated, unjudged], PROBLEMS, editor())
    numbers = counts(7, edited)
    assert {name: count for name, count in numbers.items() if count} == {
        "sampled": 7,
        "distinct": 5,
        "kept": 3,
        "edited": 2,
        "unchanged": 1,
        "rejected_unjudged": 1,
        "rejected_unreadable_repeated_step": 1,
    }
    assert numbers["rejected_no_update"] == numbers["stuck"] == numbers["rejected_unreadable_empty"] == 0
    assert counts(0, [])["distinct"] == 0
