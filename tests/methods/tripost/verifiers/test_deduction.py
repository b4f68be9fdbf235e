import random

import pytest

from stepwise.methods.tripost.editing import no_progress
from stepwise.methods.tripost.teacher.teachers import scripted_teacher
from stepwise.methods.tripost.transcript import feedback_text, parse_feedback
from stepwise.methods.tripost.verifiers import deduction as checks
from stepwise.methods.tripost.verifiers.deduction import DeductionVerifier
from stepwise.methods.tripost.verifiers.deduction_improver import DeductionImprover
from stepwise.records import Feedback, Problem, Solution
from stepwise.tasks.generated.scripted import FINAL
from stepwise.tasks.logical_deduction import solve
from tests.methods.tripost.verifiers.attempts import (
    attempt,
    deduction_problems,
    deduction_task,
    numbered,
    pairs,
    prefix,
    scribbled,
    texts,
)
from tests.methods.tripost.verifiers.deduction_mutations import MUTATIONS

VERIFIER, IMPROVER = DeductionVerifier(), DeductionImprover()
TASK = deduction_task(1, 0)
NONE = Feedback(text="")

QUESTION = (
    "Four people wait in line: Anna, Tom, Lucy, and Ben. Tom is in front of Lucy. Ben is behind Lucy. Anna is second."
)
OPTIONS = ("Anna is last.", "Tom is last.", "Lucy is last.", "Ben is last.")
GOLD = """\
(1) Tom is in front of Lucy: "(first) ?? Tom ?? Lucy ?? (last)".
(2) Ben is behind Lucy: "(first) ?? Lucy ?? Ben ?? (last)".
(3) Anna is second: "(first) ? Anna ?? (last)".
(4) In total, there are 4 people.
(5) Combining (1) and (2): "(first) ?? Tom ?? Lucy ?? Ben ?? (last)".
(6) Combining (3) and (5): "(first) Tom Anna Lucy Ben (last)".
(7) According to this ordering, Ben is last.
(Final response) Ben is last. So the answer is (D)."""
EXAMPLE = Problem(
    id="example",
    task="logical_deduction",
    split="train",
    question=QUESTION,
    answer="D",
    reference=solve(QUESTION, OPTIONS),
    choices=OPTIONS,
)


def verdict(*changes: tuple[str, str]) -> Feedback | None:
    """The verdict on the gold rationale with these replacements."""
    text = GOLD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return VERIFIER.verify(EXAMPLE, TASK.parse(text))


def assert_gold_is_correct(question: Problem, every_prefix: bool) -> None:
    feedback = VERIFIER.verify(question, question.reference)
    assert feedback == NONE, question.reference.text
    steps = question.reference.steps
    for cut in range(len(steps)) if every_prefix else (0, len(steps) // 2, len(steps) - 1):
        assert IMPROVER.improve(question, question.reference, feedback, steps[:cut]) == question.reference


def assert_corrected(question: Problem, attempt: Solution, feedback: Feedback) -> None:
    erroneous = next(step for step in attempt.steps if step.id == feedback.step)
    assert feedback.segment
    assert feedback.segment in erroneous.text
    assert feedback.text
    assert parse_feedback(feedback_text(attempt, feedback)) == feedback.model_copy(update={"kind": ""})
    kept = prefix(attempt, feedback)
    improved = IMPROVER.improve(question, attempt, feedback, kept)
    assert improved is not None
    assert improved.steps[: len(kept)] == kept
    assert no_progress(attempt, feedback, improved) is None, (feedback, improved.text)
    assert improved.answer == question.answer
    assert VERIFIER.verify(question, improved) == NONE
    assert TASK.parse(improved.text).steps == improved.steps
    assert TASK.check(question, [improved.text])[0].strict_correct


@pytest.mark.parametrize("count", [100, pytest.param(2000, marks=pytest.mark.slow)])
def test_gold_rationales_are_correct_and_every_prefix_is_continued_as_the_solver_does(count):
    for question in deduction_problems(count, seed=5):
        assert_gold_is_correct(question, every_prefix=count > 100)


def test_the_example_is_the_solvers():
    assert EXAMPLE.reference.text == GOLD
    assert verdict() == NONE
    assert scripted_teacher("logical_deduction")[0].verify(EXAMPLE, EXAMPLE.reference) == NONE


@pytest.mark.parametrize("count", [60, pytest.param(400, marks=pytest.mark.slow)])
@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_every_kind_of_error_is_found_where_it_is_and_is_corrected(mutate, count):
    generator = random.Random(mutate.__name__)
    wrong = 0
    for question in deduction_problems(count, 7):
        if (mutation := mutate(question, generator)) is None:
            continue
        attempt, step, kind = mutation
        feedback = VERIFIER.verify(question, attempt)
        assert feedback is not None, attempt.text
        assert (feedback.step, feedback.kind) == (step, kind), (attempt.text, feedback)
        assert_corrected(question, attempt, feedback)
        wrong += 1
    assert wrong >= count / 8


def test_every_category_has_a_mutation():
    generator = random.Random(0)
    wrongs = [mutate(question, generator) for mutate in MUTATIONS for question in deduction_problems(60, 7)]
    assert {kind for _, _, kind in filter(None, wrongs)} == set(checks.KINDS)


def test_an_attempt_that_is_called_correct_has_the_right_answer_and_no_text_makes_it_fail():
    generator = random.Random(8)
    outcomes = {"correct": 0, "wrong": 0, "unreadable": 0}
    for question in deduction_problems(100, 5) * 3:
        attempt = scribbled(question.reference, generator)
        feedback = VERIFIER.verify(question, attempt)
        if feedback is None:
            outcomes["unreadable"] += 1
        elif feedback.step is None:
            outcomes["correct"] += 1
            assert TASK.check(question, [attempt.text])[0].correct
        else:
            outcomes["wrong"] += 1
            assert_corrected(question, attempt, feedback)
    assert outcomes["wrong"] > 100


@pytest.mark.parametrize(
    ("old", "new", "step", "kind", "segment", "reason"),
    [
        ("(1) Tom is in front of Lucy", "(1) Tom is first", "1", checks.STATEMENT, "Tom is first:", "does not say"),
        ("(2) Ben is behind Lucy", "(2) Tom is in front of Lucy", "2", checks.REDUNDANT, None, "step (1)"),
        ("(2) Ben is behind Lucy", "(2) Anna is second", "2", checks.SKIPPED, "Anna is second:", '"Ben is behind'),
        ("?? Tom ?? Lucy ?? (last)", "?? Lucy ?? Tom ?? (last)", "1", checks.ORDERING,
         "(first) ?? Lucy ?? Tom ?? (last)", 'means "(first) ?? Tom ?? Lucy ?? (last)"'),
        ("?? Tom ?? Lucy ?? (last)", "?? Tom Lucy ?? (last)", "1", checks.ORDERING, None, "means"),
        ("? Anna ??", "?? Anna ??", "3", checks.ORDERING, "(first) ?? Anna ?? (last)", '"(first) ? Anna ?? (last)"'),
        ("(first) ? Anna ?? (last)", "(last) ? Anna ?? (first)", "3", checks.ORDERING, None, "begins with (first)"),
        ("? Anna ??", "? Anna Anna ??", "3", checks.ORDERING, "(first) ? Anna Anna ?? (last)", '"Anna" occurs twice'),
        ("? Anna ??", "? Annie ??", "3", checks.OBJECT, "Annie", '"Annie" is not one of the people'),
        ("there are 4", "there are 5", "4", checks.TOTAL, "5 people", "lists 4 people"),
        ("Combining (1) and (2)", "Combining (1) and (9)", "5", checks.REFERENCE, "(1) and (9)", "not an earlier step"),
        ("Combining (1) and (2)", "Combining (1) and (4)", "5", checks.REFERENCE, "(1) and (4)", "(4) is not an ord"),
        ("Combining (1) and (2)", "Combining (2) and (2)", "5", checks.REFERENCE, "(2) and (2)", "two different"),
        ("Combining (3) and (5)", "Combining (2) and (3)", "6", checks.COMBINATION, None, "rules out orders"),
        ("Combining (1) and (2)", "Combining (1) and (3)", "5", checks.COMBINATION, None, "that both allow"),
        ("Anna Lucy Ben (last)", "Anna Ben ? (last)", "6", checks.COMBINATION, None, 'mean "(first) Tom Anna Lucy Ben'),
        ("Tom Anna Lucy Ben (last)", "?? Tom ?? Lucy ?? Ben ?? (last)", "6", checks.REDUNDANT, None, "step (5)"),
        ("Tom Anna Lucy Ben (last)", "?? Anna ?? Ben ?? (last)", "7", checks.INCOMPLETE, None, "more than one order"),
        ("ordering, Ben is last", "ordering, Tom is last", "7", checks.CONCLUSION, "Tom is last.", "(6), Ben is last"),
        ("ordering, Ben is last", "ordering, Tom is first", "7", checks.CONCLUSION, "Tom is first.", "no option"),
        ("response) Ben is last", "response) Tom is last", FINAL, checks.ANSWER, "Tom is last.", "(7) says that Ben"),
        ("answer is (D)", "answer is (A)", FINAL, checks.ANSWER, "the answer is (A).", "option (D)"),
    ],
)  # fmt: skip
def test_segments_and_reasons(old, new, step, kind, segment, reason):
    feedback = verdict((old, new))
    assert (feedback.step, feedback.kind) == (step, kind), feedback
    if segment is not None:
        assert feedback.segment == segment
    assert reason in feedback.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("?? Tom ?? Lucy ?? (last)", "?? ?? Tom ?? Lucy ?? (last)"),
        ("? Anna ??", "? Anna ? ?"),
        ("Combining (3) and (5)", "Combining (5) and (3)"),
        ("Tom Anna Lucy Ben (last)", "? Anna Lucy Ben (last)"),
    ],
)
def test_other_ways_to_write_the_same_orders_are_correct(old, new):
    assert verdict((old, new)) == NONE


def test_a_combination_may_say_less_than_it_could():
    """The improver then combines the same two again: without a gap too wide, they lead to a single order."""
    lines = texts(EXAMPLE.reference)
    weak = 'Combining (1) and (2): "(first) ?? Tom ?? ? ?? Ben ?? (last)".'
    early = numbered([*lines[:4], weak, *lines[6:]])
    assert VERIFIER.verify(EXAMPLE, early).kind == checks.INCOMPLETE
    improved = IMPROVER.improve(EXAMPLE, early, NONE, early.steps[:5])
    renumbered = lines[5].replace("(3) and (5)", "(3) and (6)")
    assert improved == numbered([*lines[:4], weak, lines[4], renumbered, *lines[6:]]).model_copy(update={"answer": "D"})
    assert VERIFIER.verify(EXAMPLE, improved) == NONE


def test_what_follows_is_decided_by_orders_and_not_by_form():
    """Lucy comes after Tom, so with Anna second she cannot be first: she comes after Anna."""
    lines = texts(EXAMPLE.reference)
    follows = 'Combining (1) and (3): "(first) ?? Anna ?? Lucy ?? (last)".'
    attempt_with_it = numbered(
        [*lines[:4], follows, lines[4], lines[5].replace("(3) and (5)", "(3) and (6)"), *lines[6:]]
    )
    assert VERIFIER.verify(EXAMPLE, attempt_with_it) == NONE
    for number in range(5, 8):
        improved = IMPROVER.improve(EXAMPLE, attempt_with_it, NONE, attempt_with_it.steps[:number])
        assert improved.steps == attempt_with_it.steps
    wrong = numbered([*lines[:4], follows.replace("Anna ?? Lucy", "Anna ?? Ben"), *lines[4:]])
    assert VERIFIER.verify(EXAMPLE, wrong).kind == checks.COMBINATION


def test_a_wrong_prefix_has_no_continuation():
    wrong = attempt([("1", pairs(EXAMPLE.reference)[0][1].replace("Tom ??", "Ben ??"))])
    assert IMPROVER.improve(EXAMPLE, wrong, NONE, wrong.steps) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(2) Ben", "(3) Ben"),
        ("(2) Ben", "Ben"),
        ("(2) Ben", "(1.1) Ben"),
        ("(2) Ben is behind Lucy: ", "(2) Ben is behind Lucy "),
        ("Combining (1) and (2)", "Combining (1), (2)"),
        ("Combining (1) and (2)", "Combining (1) and (" + "9" * 5000 + ")"),
        ("In total, there are 4 people.", "In total, 4."),
        ("According to this ordering, ", "According to this, "),
        ("So the answer is (D)", "So it is (D)"),
        ("So the answer is (D).", "So the answer is (D).\n(8) Done."),
        ("\n(Final response) Ben is last. So the answer is (D).", ""),
    ],
)
def test_what_cannot_be_read_is_not_judged(old, new):
    assert verdict((old, new)) is None


@pytest.mark.parametrize("question", ["Who is last?", QUESTION.replace(" Anna is second.", "")])
def test_a_question_without_a_single_order_is_not_judged(question):
    unclear = EXAMPLE.model_copy(update={"question": question})
    assert VERIFIER.verify(unclear, EXAMPLE.reference) is None
    assert IMPROVER.improve(unclear, EXAMPLE.reference, NONE, ()) is None


def test_options_of_which_two_are_true_are_not_judged():
    double = EXAMPLE.model_copy(update={"choices": (*OPTIONS, "Ben is last.")})
    assert VERIFIER.verify(double, EXAMPLE.reference) is None
    assert IMPROVER.improve(double, EXAMPLE.reference, NONE, ()) is None


def test_the_gold_answer_is_not_used():
    assert VERIFIER.verify(EXAMPLE.model_copy(update={"answer": "A"}), EXAMPLE.reference) == NONE


def test_names_of_two_words():
    question = (
        "On a branch, there are three birds: a blue jay, a jay, and an owl. "
        "The jay is to the left of the blue jay. The owl is the second from the left."
    )
    options = ("The blue jay is the leftmost.", "The jay is the leftmost.", "The owl is the leftmost.")
    birds = EXAMPLE.model_copy(update={"question": question, "choices": options})
    solved = solve(question, options)
    assert solved.steps[0].text.endswith('"(left) ?? jay ?? blue jay ?? (right)".')
    assert solved.steps[3].text.endswith('"(left) jay owl blue jay (right)".')
    assert VERIFIER.verify(birds, solved) == NONE
    assert VERIFIER.verify(birds, TASK.parse(solved.text.replace("owl blue jay", "owl blue owl"))).segment == "blue"
