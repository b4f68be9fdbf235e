"""A model that improves its own answers, played by a script: what it is asked, and when the conversation ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest

from stepwise.evaluation import Attempts
from stepwise.methods.tripost.dialogue import Conversation
from stepwise.methods.tripost.replay import Weighting, cut_rows
from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.setup import answers, attempts
from stepwise.methods.tripost.transcript import UNREADABLE, render
from stepwise.params import TaskParams
from stepwise.records import Feedback, SampledTrajectory, Solution, Turn
from stepwise.tasks.generated.scripted import LEAD_IN
from tests.methods.tripost.sums import (
    PROMPT,
    RecordingBackend,
    SumTask,
    attempt,
    negative,
    problem,
    solve,
    sum_setup,
    trajectory,
)

SUM = problem(1, 2, 3)
Q = PROMPT[0]
WRONG = attempt("1 + 2 = 4.", "4 + 3 = 7.", "So the answer is 7.")
BETTER = attempt("1 + 2 = 3.", "3 + 3 = 7.", "So the answer is 7.")
RIGHT = solve([1, 2, 3])
ERROR = negative("1", "1 + 2 = 4", "1 + 2 is 3")
LATER_ERROR = negative("2", "3 + 3 = 7", "3 + 3 is 6")
FEEDBACK, UPDATE = "\nFeedback:", f"\nUpdated Answer: {LEAD_IN}\n"
POSITIVE = " Step (1) to step (2) are correct. The final response is also correct."


def text(*parts: Solution | Feedback) -> str:
    return render(trajectory(*parts), LEAD_IN)


def after(known: str, *parts: Solution | Feedback) -> str:
    """What follows the known text."""
    whole = text(*parts)
    assert whole.startswith(known)
    return whole.removeprefix(known)


def converse(
    script: Mapping[str, str] | Callable[[str, int], str], max_updates: int = 3, tokens: int = 1000
) -> tuple[Conversation, RecordingBackend]:
    backend = RecordingBackend(script)
    setup = sum_setup(max_updates, task_params=TaskParams(form="scripted", max_new_tokens=tokens))
    (talk,) = setup.converse(backend, [SUM], setup.sampling())
    return talk, backend


def test_a_right_attempt_with_positive_feedback_is_the_answer() -> None:
    talk, backend = converse({Q: text(RIGHT, CORRECT)})
    assert talk.turns == trajectory(RIGHT, CORRECT).turns
    assert talk.answer_text == RIGHT.text
    assert backend.prompts == [Q]


def test_after_an_update_feedback_is_asked_on_the_update_alone() -> None:
    known = RIGHT.text + FEEDBACK
    talk, backend = converse({Q: text(WRONG, ERROR, RIGHT), Q + known: after(known, RIGHT, CORRECT)})
    assert talk.turns == trajectory(WRONG, ERROR, RIGHT, CORRECT).turns
    assert talk.answer_text == RIGHT.text
    assert backend.prompts == [Q, Q + known]
    assert (talk.fault, talk.unreadable, talk.stalled) == ("", "", False)


def test_an_update_may_be_updated_in_the_same_answer() -> None:
    known = BETTER.text + FEEDBACK
    again = RIGHT.text + FEEDBACK
    script = {
        Q: text(WRONG, ERROR, BETTER),
        Q + known: after(known, BETTER, LATER_ERROR, RIGHT),
        Q + again: after(again, RIGHT, CORRECT),
    }
    talk, backend = converse(script)
    assert talk.turns == trajectory(WRONG, ERROR, BETTER, LATER_ERROR, RIGHT, CORRECT).turns
    assert backend.prompts == list(script)


def numbered(count: int) -> Solution:
    return attempt(f"1 + 2 = {count}.", f"So the answer is {count}.")


def never_content(prompt: str, _: int) -> str:
    """The attempt `1 + 2 = n` is criticised and becomes `1 + 2 = n + 1`."""
    known = prompt.removeprefix(Q)
    count = int(known.partition("1 + 2 = ")[2].partition(".")[0]) if known else 10
    return after(known, numbered(count), negative("1", str(count)), numbered(count + 1))


@pytest.mark.parametrize("max_updates", [1, 2, 3, 5])
def test_there_are_never_more_updates_than_allowed(max_updates: int) -> None:
    talk, backend = converse(never_content, max_updates)
    assert [turn.solution for turn in talk.turns] == [numbered(10 + index) for index in range(max_updates + 1)]
    assert talk.turns[-1].feedback is None
    assert backend.calls == max_updates


def test_updates_beyond_the_limit_are_ignored_with_their_faults() -> None:
    whole = text(WRONG, ERROR, BETTER, LATER_ERROR, RIGHT, CORRECT) + "\nand so on"
    talk, backend = converse({Q: whole}, max_updates=1)
    assert talk.turns == trajectory(WRONG, ERROR, BETTER, LATER_ERROR).turns
    assert talk.answer_text == BETTER.text
    assert (talk.fault, talk.unreadable, backend.calls) == ("", "", 1)


def test_without_updates_the_first_attempt_is_the_answer() -> None:
    talk, backend = converse({Q: text(WRONG, ERROR, RIGHT)}, max_updates=0)
    assert [turn.solution for turn in talk.turns] == [WRONG]
    assert talk.answer_text == WRONG.text
    assert backend.calls == 1


def test_a_model_that_gives_no_feedback_is_not_asked_for_any() -> None:
    talk, backend = converse({Q: WRONG.text})
    assert talk.turns == (Turn(solution=WRONG),)
    assert (talk.fault, backend.calls) == ("", 1)


@pytest.mark.parametrize(
    ("written", "fault", "answer"),
    [
        ("(1) 1 + 2 = 3.\nwell\n(Final response) So the answer is 3.", "unknown_line", None),
        ("(1) 1 + 2 = 3.", "unfinished", None),
        ("well" + FEEDBACK + POSITIVE, "unknown_line", "well"),
        ("", "empty", ""),
    ],
)
def test_what_was_written_in_place_of_an_attempt_is_the_answer(written: str, fault: str, answer: str | None) -> None:
    talk, backend = converse({Q: written})
    assert (talk.turns, talk.fault, talk.unreadable) == ((), fault, written)
    assert talk.answer_text == (written if answer is None else answer)
    assert backend.calls == 1


@pytest.mark.parametrize("update", ["well", "(1) 1 + 2 = 3.", ""])
def test_an_update_that_cannot_be_read_leaves_the_attempt_before(update: str) -> None:
    first = text(WRONG, ERROR) + UPDATE + update
    talk, backend = converse({Q: first})
    assert talk.turns == trajectory(WRONG, ERROR).turns
    assert (talk.answer_text, talk.unreadable, backend.calls) == (WRONG.text, first, 1)
    assert talk.fault


def test_a_later_update_that_cannot_be_read_leaves_the_update_before() -> None:
    known = BETTER.text + FEEDBACK
    second = after(known, BETTER, LATER_ERROR) + UPDATE + "(1) 1 + 2"
    talk, _ = converse({Q: text(WRONG, ERROR, BETTER), Q + known: second})
    assert talk.turns == trajectory(WRONG, ERROR, BETTER, LATER_ERROR).turns
    assert (talk.answer_text, talk.fault, talk.unreadable) == (BETTER.text, "unfinished", known + second)


def test_an_update_that_repeats_the_attempt_ends_the_conversation() -> None:
    talk, backend = converse({Q: text(WRONG, ERROR, WRONG)})
    assert talk.stalled
    assert len(talk.turns) == 2
    assert backend.calls == 1


def test_feedback_that_cannot_be_read_ends_the_conversation() -> None:
    talk, backend = converse({Q: WRONG.text + FEEDBACK + " I doubt it."})
    assert talk.turns == (Turn(solution=WRONG, feedback=Feedback(text="I doubt it.", kind=UNREADABLE)),)
    assert (talk.answer_text, talk.fault, backend.calls) == (WRONG.text, "", 1)


def test_a_model_that_stops_after_its_criticism_is_asked_for_the_update() -> None:
    known = text(WRONG, ERROR) + UPDATE
    again = RIGHT.text + FEEDBACK
    talk, backend = converse({Q: text(WRONG, ERROR), Q + known: RIGHT.text, Q + again: POSITIVE})
    assert talk.turns == trajectory(WRONG, ERROR, RIGHT, CORRECT).turns
    assert backend.prompts == [Q, Q + known, Q + again]


def test_a_model_that_stops_after_its_last_criticism_is_asked_for_nothing() -> None:
    known = BETTER.text + FEEDBACK
    script = {Q: text(WRONG, ERROR, BETTER), Q + known: after(known, BETTER, LATER_ERROR)}
    _, backend = converse(script, max_updates=1)
    assert backend.prompts == [Q]
    talk, backend = converse({**script, Q + text(BETTER, LATER_ERROR) + UPDATE: RIGHT.text}, max_updates=2)
    assert talk.turns == trajectory(WRONG, ERROR, BETTER, LATER_ERROR, RIGHT).turns
    assert backend.calls == 3


def test_prompts_have_the_pieces_of_training_rows() -> None:
    """Every piece is tokenised by itself, so equal pieces are equal tokens."""
    known, update = BETTER.text + FEEDBACK, text(BETTER, LATER_ERROR) + UPDATE
    script = {
        Q: text(WRONG, ERROR, BETTER),
        Q + known: after(known, BETTER, LATER_ERROR),
        Q + update: RIGHT.text,
        Q + RIGHT.text + FEEDBACK: POSITIVE,
    }
    _, backend = converse(script)
    rows = cut_rows(trajectory(BETTER, LATER_ERROR, RIGHT, CORRECT), PROMPT, Weighting())
    improvement, end = (tuple(span.text for span in row.example.spans) for row in rows)
    assert backend.pieces == [improvement[:1], improvement[:3], improvement[:5], end[:3]]


def test_the_limits_of_length() -> None:
    known = RIGHT.text + FEEDBACK
    script = {Q: text(WRONG, ERROR, RIGHT), Q + known: POSITIVE}
    _, backend = converse(script, tokens=300)  # and 20 of a feedback
    assert [sampling.max_new_tokens for sampling in backend.samplings] == [300 + 20 + 300, 20 + 300]
    assert all(sampling.stop == ("\nQ:",) for sampling in backend.samplings)
    _, backend = converse(script, max_updates=0, tokens=300)
    assert [sampling.max_new_tokens for sampling in backend.samplings] == [300]


def test_all_texts_count_and_the_last_one_says_why_it_ends() -> None:
    known = RIGHT.text + FEEDBACK
    first = text(WRONG, ERROR, RIGHT)
    talk, _ = converse({Q: first, Q + known: POSITIVE})
    assert (talk.tokens, talk.finish_reason) == (len(first) + len(POSITIVE), "eos")
    talk, _ = converse({Q: WRONG.text + "\nQ: 1 ="})
    assert (talk.turns, talk.finish_reason) == ((Turn(solution=WRONG),), "stop")
    talk, _ = converse({Q: WRONG.text}, max_updates=0, tokens=len(WRONG.text) - 1)
    assert (talk.answer_text, talk.finish_reason) == (WRONG.text[:-1], "length")


def test_a_conversation_as_records() -> None:
    known = RIGHT.text + FEEDBACK
    talk, _ = converse({Q: text(WRONG, ERROR, RIGHT), Q + known: POSITIVE})
    damaged, _ = converse({Q: "7"})
    assert talk.to_record(4) == SampledTrajectory(problem_id="sum", sample=4, turns=talk.turns, tokens=talk.tokens)
    assert damaged.to_record() == SampledTrajectory(problem_id="sum", fault="unknown_line", unreadable="7", tokens=1)
    predictions = answers(SumTask(), [talk, damaged])
    assert [prediction.verdict.correct for prediction in predictions] == [True, False]
    assert [(prediction.text, prediction.tokens) for prediction in predictions] == [
        (RIGHT.text, talk.tokens),
        ("7", 1),
    ]
    assert attempts(SumTask(), [talk, damaged]) == [Attempts((False, True)), Attempts((False,))]
