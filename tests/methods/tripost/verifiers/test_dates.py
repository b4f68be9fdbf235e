import random

import pytest

from stepwise.methods.tripost.editing import occurrences
from stepwise.methods.tripost.verifiers import dates
from stepwise.methods.tripost.verifiers.dates import DateVerifier
from stepwise.methods.tripost.verifiers.dates_improver import DateImprover
from stepwise.records import Feedback, Problem, Solution
from stepwise.tasks.date_understanding import solve
from stepwise.tasks.generated.scripted import FINAL
from tests.methods.tripost.verifiers.attempts import (
    date_problems,
    date_task,
    numbered,
    prefix,
    scribbled,
    texts,
)
from tests.methods.tripost.verifiers.date_mutations import MUTATIONS

VERIFIER, IMPROVER, TASK = DateVerifier(), DateImprover(), date_task(1, 0)
NONE = Feedback(text="")


def problem(question: str, *choices: str) -> Problem:
    reference = solve(question, choices)
    return Problem(
        id="p",
        task="date_understanding",
        split="train",
        question=question,
        answer=str(reference.answer),
        reference=reference,
        choices=choices,
    )


EXAMPLE = problem(
    "The exam was planned for the last day of February 2019, but was put off by one week. It was 3 days ago. "
    "What is the date the day before yesterday in MM/DD/YYYY?",
    *("03/10/2019", "03/08/2019", "02/28/2019"),
)
GOLD = """\
(1) The last day of February 2019 is 02/28/2019.
(2) 1 week after 02/28/2019 is 03/07/2019.
(3) 3 days after 03/07/2019 is 03/10/2019.
(4) 2 days before 03/10/2019 is 03/08/2019.
(Final response) So the answer is (B)."""


def verdict(*changes: tuple[str, str]) -> Feedback | None:
    """The verdict on the gold rationale above after replacements of text."""
    text = GOLD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return VERIFIER.verify(EXAMPLE, TASK.parse(text))


def test_the_example_is_the_solvers():
    assert EXAMPLE.reference.text == GOLD
    assert verdict() == NONE


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_gold_rationales_are_correct_and_every_prefix_is_continued_as_the_solver_does(count):
    for question in date_problems(count, seed=5):
        assert VERIFIER.verify(question, question.reference) == NONE
        for cut in range(len(question.reference.steps)):
            improved = IMPROVER.improve(question, question.reference, NONE, question.reference.steps[:cut])
            assert improved == question.reference


@pytest.mark.parametrize("count", [400, pytest.param(2000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_every_kind_of_error_is_found_where_it_is_and_is_corrected(mutate, count):
    generator = random.Random(mutate.__name__)
    wrong = 0
    for question in date_problems(count, 7):
        if (mutation := mutate(question, generator)) is None:
            continue
        attempt, step, kind = mutation
        feedback = VERIFIER.verify(question, attempt)
        assert feedback is not None, attempt.text
        assert (feedback.step, feedback.kind) == (step, kind), (question.question, attempt.text, feedback)
        assert_corrected(question, attempt, feedback)
        wrong += 1
    assert wrong >= 50


def assert_corrected(question: Problem, attempt: Solution, feedback: Feedback) -> None:
    [erroneous] = [step for step in attempt.steps if step.id == feedback.step]
    assert feedback.segment
    assert feedback.segment in erroneous.text
    assert feedback.text
    assert "\n" not in feedback.text
    kept = prefix(attempt, feedback)
    improved = IMPROVER.improve(question, attempt, feedback, kept)
    assert improved is not None
    assert improved.steps[: len(kept)] == kept
    corrected = improved.steps[len(kept)]
    assert corrected != erroneous
    assert occurrences(feedback.segment, corrected.text) < occurrences(feedback.segment, erroneous.text), feedback
    assert improved.answer == question.answer
    assert VERIFIER.verify(question, improved) == NONE
    assert TASK.parse(improved.text) == improved


def test_an_attempt_that_is_called_correct_has_the_right_answer_and_no_text_makes_it_fail():
    generator = random.Random(8)
    outcomes = {"correct": 0, "wrong": 0, "unreadable": 0}
    for question in date_problems(400, 7) * 3:
        attempt = scribbled(question.reference, generator)
        feedback = VERIFIER.verify(question, attempt)
        if feedback is None:
            outcomes["unreadable"] += 1
        elif feedback.step is None:
            outcomes["correct"] += 1
            assert TASK.check(question, [attempt.text])[0].correct
        else:
            outcomes["wrong"] += 1
            if [step.id for step in attempt.steps].count(feedback.step) == 1:
                assert_corrected(question, attempt, feedback)
    assert outcomes["wrong"] > 200
    assert outcomes["correct"] > 20


@pytest.mark.parametrize(
    ("change", "step", "kind", "segment", "reason"),
    [
        (("is 02/28/2019", "is 02/29/2019"), "1", dates.START, "is 02/29/2019", "2019 is 02/28/2019"),
        (
            ("The last day", "The first day"),
            "1",
            dates.START,
            "The first day of February 2019 is",
            "another day: The l",
        ),
        (("1 week after", "2 weeks after"), "2", dates.SHIFT, "2 weeks after", "says 1 week after 02/28/2019"),
        (("3 days after", "3 days before"), "3", dates.SHIFT, "3 days before", "says 3 days after 03/07/2019"),
        (("is 03/07/2019", "is 03/06/2019"), "2", dates.CALENDAR, "is 03/06/2019", "is 03/07/2019"),
        (("is 03/08/2019", "is 03/08/2018"), "4", dates.CALENDAR, "is 03/08/2018", "2 days before 03/10/2019 is"),
        (("after 03/07", "after 02/28"), "3", dates.BASE, "after 02/28/2019", "step (2) has led to 03/07/2019"),
        (
            ("1 week after", "2 days before"),
            "2",
            dates.MISSING,
            "2 days before 02/28/2019",
            "1 week after 02/28/2019 b",
        ),
        (("3 days after 03/07", "1 week after 02/28"), "3", dates.REDUNDANT, "1 week after 02/28/2019", "step (2) has"),
        (("(B)", "(A)"), FINAL, dates.OPTION, "the answer is (A)", "(A) is 03/10/2019, but step (4) has led to 03/08"),
        (("(B)", "(D)"), FINAL, dates.OPTION, "the answer is (D)", "not the letter of an option"),
        (
            ("(4) 2 days before 03/10/2019 is 03/08/2019.\n", ""),
            *(FINAL, dates.MISSING, "the answer is (B)", "2 days before 03/10/2019"),
        ),
    ],
)
def test_segments_and_reasons(change, step, kind, segment, reason):
    feedback = verdict(change)
    assert (feedback.step, feedback.kind, feedback.segment) == (step, kind, segment)
    assert reason in feedback.text


def test_the_same_shift_in_another_unit_is_accepted():
    assert verdict(("1 week after", "7 days after")) == NONE
    birthday = problem(
        "Ana was born on 2/1/2000 and turns 2 today. What is the date today in MM/DD/YYYY?", "02/01/2002", "02/01/2001"
    )
    lines = texts(birthday.reference)
    lines[1] = lines[1].replace("2 years after", "24 months after")
    assert VERIFIER.verify(birthday, numbered(lines)) == NONE


def test_there_and_back_again_is_not_taken_for_a_repetition():
    question = "The race was planned for 5/5/2005, but was put off by one day. It is tomorrow. "
    walk = problem(f"{question}What is the date tomorrow in MM/DD/YYYY?", "05/06/2005", "05/05/2005")
    assert texts(walk.reference)[1] == texts(walk.reference)[3] == "1 day after 05/05/2005 is 05/06/2005."
    assert VERIFIER.verify(walk, walk.reference) == NONE


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(3) 3 days", "(5) 3 days"),
        ("(3) 3 days", "3 days"),
        ("(3) 3 days after", "(3) Three days after"),
        ("03/10/2019 is", "March 10, 2019 is"),
        ("(Final response) So the answer is (B).", "(Final response) It is (B)."),
        ("(Final response) So the answer is (B).", ""),
        ("answer is (B).", "answer is (B).\n(5) The end."),
    ],
)
def test_what_cannot_be_read_is_not_judged(old, new):
    assert verdict((old, new)) is None


def test_the_gold_answer_is_not_used():
    mislabelled = EXAMPLE.model_copy(update={"answer": "A"})
    assert VERIFIER.verify(mislabelled, EXAMPLE.reference) == NONE
    assert IMPROVER.improve(mislabelled, EXAMPLE.reference, NONE, ()).answer == "B"


@pytest.mark.parametrize(
    "question",
    [
        "Jane was born on the last day of Feburary in 2000. What is the date today in MM/DD/YYYY?",
        "Today is 1/31/2020. What is the date one month from today in MM/DD/YYYY?",
        "Today is 2/30/2020. What is the date tomorrow in MM/DD/YYYY?",
        "Today is 1/1/9999. What is the date 9999 years from today in MM/DD/YYYY?",
        "",
    ],
)
def test_questions_in_other_words_or_without_a_date_are_not_judged(question):
    foreign = EXAMPLE.model_copy(update={"question": question})
    assert VERIFIER.verify(foreign, EXAMPLE.reference) is None
    assert IMPROVER.improve(foreign, EXAMPLE.reference, NONE, ()) is None


def test_there_is_no_improvement_of_a_wrong_prefix_or_without_an_option_that_is_right():
    wrong = TASK.parse(GOLD.replace("is 03/07/2019", "is 03/06/2019"))
    assert IMPROVER.improve(EXAMPLE, wrong, NONE, wrong.steps[:2]) is None
    hopeless = EXAMPLE.model_copy(update={"choices": ("01/01/2019", "02/30/2019")})
    assert IMPROVER.improve(hopeless, EXAMPLE.reference, NONE, EXAMPLE.reference.steps[:3]) is None
    assert VERIFIER.verify(hopeless, EXAMPLE.reference).kind == dates.OPTION
