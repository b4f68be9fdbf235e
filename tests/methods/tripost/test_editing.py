from __future__ import annotations

import random

import pytest

from stepwise.methods.tripost.editing import Edited, Rejected, Teacher, agree, edit, no_progress, occurrences
from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.transcript import UNREADABLE
from stepwise.records import Feedback, Solution, Step, Trajectory
from stepwise.tasks.generated.scripted import FINAL
from tests.methods.tripost.sums import (
    ScriptedImprover,
    SumVerifier,
    attempt,
    negative,
    problem,
    read,
    solve,
    trajectory,
)

RIGHT = solve([4, 5, 6])
WRONG = attempt("4 + 5 = 8.", "8 + 6 = 14.", "So the answer is 14.")
"""Its first step is wrong."""
LATER = attempt("4 + 5 = 9.", "9 + 6 = 14.", "So the answer is 14.")
"""Its second step is wrong."""
LAST = attempt("4 + 5 = 9.", "9 + 6 = 15.", "So the answer is 14.")
"""Its final response is wrong."""
BLIND = attempt("unreadable", "9 + 6 = 15.", "So the answer is 14.")

WRONG_FEEDBACK = Feedback(text="it should be (1) 4 + 5 = 9.", kind="sum", step="1", segment="4 + 5 = 8")
LATER_FEEDBACK = Feedback(text="it should be (2) 9 + 6 = 15.", kind="sum", step="2", segment="9 + 6 = 14")
LAST_FEEDBACK = Feedback(
    text="it should be (Final response) So the answer is 15.", kind="sum", step=FINAL, segment="So the answer is 14"
)


def teacher(*updates: Solution | None, verifier: SumVerifier | None = None, max_updates: int = 5) -> Teacher:
    return Teacher(
        problem=problem(4, 5, 6),
        verifier=verifier or SumVerifier(),
        improver=ScriptedImprover(list(updates)),
        correct=lambda solution: solution.answer == "15",
        max_updates=max_updates,
    )


@pytest.mark.parametrize(
    "correct",
    [
        trajectory(RIGHT, CORRECT),
        trajectory(WRONG, WRONG_FEEDBACK, RIGHT, CORRECT),
        trajectory(WRONG, negative("1", "= 8"), LATER, negative("2", "14", "I say so"), RIGHT, CORRECT),
        trajectory(LAST, negative(FINAL, " the answer is 14 "), RIGHT, CORRECT),
    ],
)
def test_a_correct_trajectory_stays_as_it_is(correct: Trajectory) -> None:
    assert edit(correct, teacher()) == Edited(correct, "unchanged")


def test_a_right_attempt_without_feedback_gets_the_positive_one() -> None:
    assert edit(trajectory(RIGHT), teacher()) == Edited(trajectory(RIGHT, CORRECT), "unchanged")


@pytest.mark.parametrize(
    "feedback",
    [
        None,
        CORRECT,
        Feedback(text="Hm.", kind=UNREADABLE),
        negative("2", "8 + 6 = 14"),
        negative("1", "4 + 6"),
        negative("1", ""),
        negative("9", "4 + 5 = 8"),
    ],
)
def test_the_first_wrong_feedback_is_replaced_and_the_attempt_improved(feedback: Feedback | None) -> None:
    parts = (WRONG,) if feedback is None else (WRONG, feedback)
    expected = trajectory(WRONG, WRONG_FEEDBACK, RIGHT, CORRECT)
    assert edit(trajectory(*parts), teacher()) == Edited(expected, "edited")
    if feedback is not None:  # whatever the model wrote after it is gone
        assert edit(trajectory(*parts, LATER, CORRECT), teacher()) == Edited(expected, "edited")


def test_right_turns_before_the_mistake_are_kept() -> None:
    own = negative("1", "= 8", "my reason")
    result = edit(trajectory(WRONG, own, LATER, CORRECT, WRONG, CORRECT), teacher())
    assert result == Edited(trajectory(WRONG, own, LATER, LATER_FEEDBACK, RIGHT, CORRECT), "edited")


def test_hallucinated_criticism_of_a_right_attempt_is_cut_even_if_it_ends_right() -> None:
    wrong_criticism = trajectory(RIGHT, negative("2", "9 + 6 = 15"), RIGHT, CORRECT)
    assert edit(wrong_criticism, teacher()) == Edited(trajectory(RIGHT, CORRECT), "cut")


def test_a_trajectory_from_right_to_wrong_is_cut_at_the_right_attempt() -> None:
    own = negative("1", "4 + 5 = 8")
    result = edit(trajectory(WRONG, own, RIGHT, negative("1", "4"), LATER, CORRECT), teacher())
    assert result == Edited(trajectory(WRONG, own, RIGHT, CORRECT), "cut")
    assert edit(trajectory(RIGHT, CORRECT, LATER, CORRECT), teacher()) == Edited(trajectory(RIGHT, CORRECT), "cut")


def test_a_trajectory_whose_feedback_is_right_but_which_ends_wrong_is_extended() -> None:
    start = (WRONG, negative("1", "= 8"), LATER, negative("2", "9 + 6 = 14"))
    assert edit(trajectory(*start), teacher()) == Edited(trajectory(*start, RIGHT, CORRECT), "extended")


def test_attempts_are_judged_one_by_one_up_to_the_first_mistake() -> None:
    verifier = SumVerifier()
    edit(trajectory(WRONG, CORRECT, LATER, CORRECT, LAST, CORRECT), teacher(verifier=verifier))
    assert verifier.judged == [WRONG.text]  # the improved attempt is right, so nobody needs to find its error


def test_the_improver_gets_the_error_and_the_steps_before_it() -> None:
    judges = teacher()
    edit(trajectory(LATER, CORRECT), judges)
    edit(trajectory(LAST, CORRECT), judges)
    edit(trajectory(WRONG, CORRECT), judges)
    assert isinstance(judges.improver, ScriptedImprover)
    assert judges.improver.calls == [
        (LATER, LATER_FEEDBACK, LATER.steps[:1]),
        (LAST, LAST_FEEDBACK, LAST.steps[:2]),
        (WRONG, WRONG_FEEDBACK, ()),
    ]


def test_updates_go_on_until_the_attempt_is_right() -> None:
    result = edit(trajectory(WRONG, CORRECT), teacher(LATER, LAST))
    expected = trajectory(WRONG, WRONG_FEEDBACK, LATER, LATER_FEEDBACK, LAST, LAST_FEEDBACK, RIGHT, CORRECT)
    assert result == Edited(expected, "edited")
    assert edit(trajectory(WRONG, CORRECT), teacher(LATER, LAST, max_updates=3)) == result
    assert edit(trajectory(WRONG, CORRECT), teacher(LATER, LAST, max_updates=2)) == Rejected("still_wrong")
    assert edit(trajectory(WRONG, CORRECT), teacher(max_updates=0)) == Rejected("still_wrong")


@pytest.mark.parametrize(
    ("updates", "reason"),
    [
        ([None], "no_update"),
        ([read("no steps, but the answer is 15.")], "malformed"),
        ([read("(1) 4 + 5 = 9.\n(2) 9 + 6 = 15.\n(Final response) the answer is .")], "malformed"),
        ([read(RIGHT.text.replace("(2)", "(1)"))], "malformed"),
        ([attempt("4 + 6 = 10.", "10 + 5 = 15.", "So the answer is 15.")], "prefix"),
        ([LATER], "same_step"),
        ([attempt("4 + 5 = 9.", "9 + 6 = 14, I insist.", "So the answer is 14.")], "same_segment"),
        ([LAST, LAST], "same_step"),
        ([attempt("4 + 5 = 9.", "unreadable", "So the answer is 14.")], "unjudged"),
    ],
)
def test_updates_that_make_no_progress_are_rejected(updates: list[Solution | None], reason: str) -> None:
    assert edit(trajectory(LATER, CORRECT), teacher(*updates)) == Rejected(reason)  # type: ignore[arg-type]


def test_attempts_that_cannot_be_judged_are_rejected() -> None:
    assert edit(trajectory(BLIND, CORRECT), teacher()) == Rejected("unjudged")
    assert edit(trajectory(WRONG, negative("1", "= 8"), BLIND, CORRECT), teacher()) == Rejected("unjudged")
    assert edit(Trajectory(problem_id="sum", turns=()), teacher()) == Rejected("unjudged")


class OtherVerifier(SumVerifier):
    """Answers with what it is given, whatever the attempt."""

    def __init__(self, *feedback: Feedback):
        super().__init__()
        self.feedback = list(feedback)

    def verify(self, problem: object, solution: Solution) -> Feedback:
        return self.feedback.pop(0)


def test_a_verifier_that_finds_no_error_or_one_in_no_step_rejects_the_trajectory() -> None:
    assert edit(trajectory(WRONG, CORRECT), teacher(verifier=OtherVerifier(CORRECT))) == Rejected("no_error")
    nowhere = OtherVerifier(negative("7", "8"))
    assert edit(trajectory(WRONG, CORRECT), teacher(verifier=nowhere)) == Rejected("unjudged")


def nested(**changes: str) -> Solution:
    steps = {"9": "a", "9.1": "b", "9.2": "c", "10": "d", FINAL: "the answer is e."} | changes
    return read("\n".join(f"({number}) {text}" for number, text in steps.items()))


def test_an_improver_that_goes_back_leaves_the_first_feedback_only() -> None:
    first, second = negative("9.2", "c"), negative("10", "d")
    right = nested(**{"9.2": "C", "10": "D", FINAL: "the answer is 15."})

    def edited(*feedback: Feedback, update: Solution, correct: Solution = right) -> Edited | Rejected:
        judges = teacher(update, correct, verifier=OtherVerifier(*feedback))
        return edit(trajectory(nested(), CORRECT), judges)

    update = nested(**{"9.2": "C"})
    forward = trajectory(nested(), first, update, second, right, CORRECT)
    assert edited(first, second, update=update) == Edited(forward, "edited")  # step 10 comes after 9.2
    update = nested(**{"10": "D"})
    assert edited(second, first, update=update) == Edited(trajectory(nested(), second), "stuck")
    update = nested(**{"9.2": "e"})
    assert edited(first, first, update=update) == Edited(trajectory(nested(), first), "stuck")


def test_a_trajectory_stays_stuck_with_the_right_turns_before() -> None:
    own = negative("1", "= 8")
    feedback = (WRONG_FEEDBACK, LATER_FEEDBACK, negative("1", "= 9"))
    update = attempt("4 + 5 = 9.", "9 + 6 = 16.", "So the answer is 16.")
    final = attempt("4 + 5 is 9.", "9 + 6 = 15.", "So the answer is 15.")
    result = edit(trajectory(WRONG, own, LATER, CORRECT), teacher(update, final, verifier=OtherVerifier(*feedback)))
    assert result == Edited(trajectory(WRONG, own, LATER, LATER_FEEDBACK), "stuck")


@pytest.mark.parametrize(
    ("segment", "line", "reason"),
    [
        ("d", "x", None),
        (" d ", "why d?", "same_segment"),
        ("d", "d1", None),
        ("d", "1d", None),
        ("d", "(d)", "same_segment"),
        (None, "x", None),
        ("", "x", None),
        ("not in the step", "x", None),
        ("not in the step", "but not in the step", "same_segment"),
    ],
)
def test_the_wrong_segment_must_be_gone(segment: str | None, line: str, reason: str | None) -> None:
    error = Feedback(text="r", step="10", segment=segment)
    assert no_progress(nested(), error, nested(**{"10": line})) == reason


def test_a_repeated_word_may_stay_once() -> None:
    twice = nested(**{"10": '"cat" < "cat" < "dog"'})
    error = negative("10", '"cat"')
    assert no_progress(twice, error, nested(**{"10": '"cat" < "dog"'})) is None
    assert no_progress(twice, error, nested(**{"10": '"cat" < "dog" < "cat"'})) == "same_segment"


def test_occurrences_are_whole_words() -> None:
    assert occurrences("3 * 4 = 1", "3 * 4 = 12 = 1") == 0
    assert occurrences("= 1", "3 * 4 = 12 = 1 = 1.") == 2
    assert occurrences('"a"', '"a"="b"') == 1
    assert occurrences("", "a") == 0


def test_agreement() -> None:
    assert agree(CORRECT, Feedback(text="fine", kind="correct"))
    assert not agree(CORRECT, WRONG_FEEDBACK)
    assert not agree(WRONG_FEEDBACK, CORRECT)
    assert agree(negative("1", "a b"), negative("1", " b "))
    assert agree(negative("1", "b"), negative("1", "a b"))
    assert not agree(negative("1", "a"), negative("1", "b"))
    assert not agree(negative("1", "a"), negative("2", "a"))
    assert agree(Feedback(text="", step="1"), negative("1", ""))
    assert not agree(negative("1", ""), negative("1", "a"))
    assert not agree(Feedback(text="", kind=UNREADABLE), CORRECT)


def test_what_is_edited_is_correct() -> None:
    """An edited trajectory stays as it is when it is edited again, whatever the model wrote."""
    generator = random.Random(0)
    attempts, comments = (RIGHT, WRONG, LATER, LAST), (CORRECT, WRONG_FEEDBACK, LATER_FEEDBACK, LAST_FEEDBACK)
    outcomes = set()
    for _ in range(300):
        parts = [generator.choice((attempts, comments)[index % 2]) for index in range(generator.randrange(1, 8))]
        result = edit(trajectory(*parts), teacher())  # type: ignore[arg-type]
        assert isinstance(result, Edited)
        outcomes.add(result.outcome)
        assert edit(result.trajectory, teacher()) == Edited(result.trajectory, "unchanged")
        assert result.trajectory.turns[-1].feedback == CORRECT
        assert result.trajectory.turns[-1].solution.answer == "15"
    assert outcomes == {"unchanged", "cut", "edited", "extended"}


def test_steps_are_found_by_their_ids() -> None:
    improver = ScriptedImprover([nested(**{"9.2": "C", FINAL: "the answer is 15."})])
    judges = Teacher(
        problem=problem(4, 5, 6),
        verifier=OtherVerifier(negative("9.2", "c")),
        improver=improver,
        correct=lambda solution: solution.answer == "15",
    )
    assert isinstance(edit(trajectory(nested()), judges), Edited)
    assert improver.calls[0][2] == (Step(id="9", text="(9) a"), Step(id="9.1", text="(9.1) b"))
