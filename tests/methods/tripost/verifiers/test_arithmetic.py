import random

import pytest

from stepwise.methods.tripost.verifiers import arithmetic
from stepwise.methods.tripost.verifiers.arithmetic import ArithmeticVerifier
from stepwise.methods.tripost.verifiers.arithmetic_improver import ArithmeticImprover
from stepwise.records import Feedback, Problem, Solution
from stepwise.tasks.generated.scripted import FINAL
from stepwise.tasks.multistep_arithmetic import solve
from tests.methods.tripost.verifiers.arithmetic_mutations import MUTATIONS
from tests.methods.tripost.verifiers.attempts import (
    arithmetic_problems,
    arithmetic_task,
    numbered,
    prefix,
    scribbled,
    texts,
)

VERIFIER, IMPROVER = ArithmeticVerifier(), ArithmeticImprover()


def problem(question: str) -> Problem:
    reference = solve(question)
    return Problem(
        id="p",
        task="multistep_arithmetic",
        split="train",
        question=question,
        answer=reference.answer,
        reference=reference,
    )


EXAMPLE = problem("((7 - -1 + -1 + -4) - (-7 + 7 * 3 * -9)) =")
TWINS = problem("((2 + 3 * 1) * (2 + 3 * 1)) =")


def verdict(question: Problem, *changes: tuple[str, str]) -> Feedback | None:
    """The verdict on the gold rationale after replacements of text."""
    text = question.reference.text
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return VERIFIER.verify(question, arithmetic_task(1, 0).parse(text))


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_gold_rationales_are_correct_and_every_prefix_is_continued_as_the_solver_does(count):
    for question in arithmetic_problems(count, seed=5):
        feedback = VERIFIER.verify(question, question.reference)
        assert feedback is not None
        assert (feedback.step, feedback.segment, feedback.kind) == (None, None, "")
        for cut in range(len(question.reference.steps)) if count > 200 else (0, 1, -2, -1):
            improved = IMPROVER.improve(question, question.reference, feedback, question.reference.steps[:cut])
            assert improved == question.reference


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_every_kind_of_error_is_found_where_it_is_and_is_corrected(mutate):
    generator = random.Random(mutate.__name__)
    wrong = 0
    for question in arithmetic_problems(200, 7)[:120]:
        if (mutation := mutate(question, generator)) is None:
            continue
        attempt, step, kind = mutation
        feedback = VERIFIER.verify(question, attempt)
        assert feedback is not None, attempt.text
        assert (feedback.step, feedback.kind) == (step, kind), attempt.text
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
    assert improved.steps[len(kept)] != erroneous
    corrected = improved.steps[len(kept)].text
    assert corrected.count(feedback.segment) < erroneous.text.count(feedback.segment), (feedback, corrected)
    assert improved.answer == question.answer
    assert VERIFIER.verify(question, improved).step is None
    assert arithmetic_task(1, 0).parse(improved.text) == improved


def test_an_attempt_that_is_called_correct_has_the_right_answer_and_no_text_makes_it_fail():
    task, generator = arithmetic_task(1, 0), random.Random(8)
    outcomes = {"correct": 0, "wrong": 0, "unreadable": 0}
    for question in arithmetic_problems(200, 7) * 3:
        attempt = scribbled(question.reference, generator)
        feedback = VERIFIER.verify(question, attempt)
        if feedback is None:
            outcomes["unreadable"] += 1
        elif feedback.step is None:
            outcomes["correct"] += 1
            assert task.check(question, [attempt.text])[0].correct
        else:
            outcomes["wrong"] += 1
            if [step.id for step in attempt.steps].count(feedback.step) == 1:
                assert_corrected(question, attempt, feedback)
    assert outcomes["wrong"] > 200


@pytest.mark.parametrize(
    ("changes", "step", "kind", "segment", "reason"),
    [
        ([("= (3 - -196) =", "= (3 + -196) =")], "4", arithmetic.SUBSTITUTION, "(A - B) = (3 + -196)", "is (3 - -196)"),
        ([("is (A - B) = (3 - -196) = 199", "is (A + B) = (3 + -196)")], "4", arithmetic.EQUATION, "(A + B)", "((7"),
        ([("is (A - B) = (3", "is (A - B = (3")], "4", arithmetic.EQUATION, "Then, the final equation is (A - B =", ""),
        ([("= (3 - -196) = 199", "= 199")], "4", arithmetic.SUBSTITUTION, "(A - B) = 199", ""),
        ([("equation is (A", "equation is (D")], "4", arithmetic.MISSING, "(D - B) = (3 - -196)", "D has not"),
        ([("= (7 + -4) = 3", "= (7 + -4) = 4")], "2", arithmetic.VALUE, "(7 + -4) = 4", "(7 + -4) is not 4"),
        ([("= (7 + -4) =", "= (7 + -4 =")], "2", arithmetic.INVALID, "= (7 + -4 =", "1 opening and 0 closing brackets"),
        ([("= (7 + -4) =", "= =")], "2", arithmetic.INVALID, "= =", "ends too early"),
        ([("= (7 + -4) = 3", "= (7 + -4)")], "2", arithmetic.INVALID, "= (7 + -4).", "before it reaches a number"),
        ([("= (7 + -4) =", "= 7 ** 99 =")], "2", arithmetic.INVALID, "= 7 ** 99 =", "stands where a number should"),
        ([("B = (-7 + 7 * 3 * -9).", "B = (-7 + 7 * 3 * -9)")], None, "", None, ""),
        ([("-1 + -4) and", "-1 - 4) and")], "1", arithmetic.PARTITION, None, "question, ((7"),
        ([("(A - B)", "(A - A)")], "1", arithmetic.PARTITION, None, 'B does not occur in "(A - A)"'),
        ([('"(A - B)"', '"(A - B) * C"')], "1", arithmetic.PARTITION, None, "does not say what C stands for"),
        ([("and B = (", "and A = (")], "1", arithmetic.PARTITION, None, 'A is defined twice'),
        ([("and B = (", "and B = ((")], "1", arithmetic.PARTITION, None, "not an expression"),
        ([("answer is 199", "answer is unknown")], FINAL, arithmetic.ANSWER, "the answer is unknown.", "step (4)"),
    ],
)  # fmt: skip
def test_segments_and_reasons(changes, step, kind, segment, reason):
    feedback = verdict(EXAMPLE, *changes)
    assert (feedback.step, feedback.kind) == (step, kind)
    if kind != arithmetic.PARTITION:
        assert feedback.segment == segment
    else:
        assert feedback.segment.startswith("This equation")
    assert reason in feedback.text


def test_a_copied_operand_is_blamed_on_the_line_that_calculates_with_it():
    line = "B = (-7 + 7 * 3 * -8) = (-7 + ((7 * 3) * -8)) = (-7 + (21 * -8)) = (-7 + -168) = -175."
    lines = texts(EXAMPLE.reference)
    lines[2:] = [
        f"Let's calculate {line}",
        "Then, the final equation is (A - B) = (3 - -175) = 178.",
        "So the answer is 178.",
    ]
    feedback = VERIFIER.verify(EXAMPLE, numbered(lines))
    assert feedback == Feedback(
        kind=arithmetic.OPERAND,
        step="3",
        segment="B = (-7 + 7 * 3 * -8)",
        text="B stands for (-7 + 7 * 3 * -9)",
    )


def test_equal_parts_may_share_a_letter():
    lines = [
        'This equation can be written as "(A * A)", where A = (2 + 3 * 1).',
        "Let's calculate A = (2 + 3 * 1) = (2 + (3 * 1)) = (2 + 3) = 5.",
        "Then, the final equation is (A * A) = (5 * 5) = 25.",
        "So the answer is 25.",
    ]
    assert VERIFIER.verify(TWINS, numbered(lines)).step is None
    assert verdict(TWINS, ('"(A * B)"', '"(A * A)"')).kind == arithmetic.PARTITION
    assert verdict(TWINS, ("final equation is (A * B)", "final equation is (A * A)")).step is None
    for cut in range(4):
        improved = IMPROVER.improve(TWINS, numbered(lines), Feedback(text=""), numbered(lines).steps[:cut])
        assert VERIFIER.verify(TWINS, improved).step is None
        assert improved == (numbered(lines).model_copy(update={"answer": "25"}) if cut else TWINS.reference)


def test_parts_without_brackets_are_read_as_one_operand():
    nested = problem("((1 + 2) * (3 - 4) - 5) =")
    lines = [
        'This equation can be written as "(A - 5)", where A = (1 + 2) * (3 - 4).',
        "Let's calculate A = (1 + 2) * (3 - 4) = (3 * -1) = -3.",
        "Then, the final equation is (A - 5) = (-3 - 5) = -8.",
        "So the answer is -8.",
    ]
    assert VERIFIER.verify(nested, numbered(lines)).step is None
    lines[0] = 'This equation can be written as "(A * B)", where A = (1 + 2) and B = (3 - 4) - 5.'
    assert VERIFIER.verify(nested, numbered(lines)).kind == arithmetic.PARTITION


def test_the_parts_may_be_calculated_in_any_order_and_are_continued_in_theirs():
    lines = texts(EXAMPLE.reference)
    lines[1], lines[2] = lines[2], lines[1]
    assert VERIFIER.verify(EXAMPLE, numbered(lines)).step is None
    improved = IMPROVER.improve(EXAMPLE, numbered(lines), Feedback(text=""), numbered(lines).steps[:2])
    assert texts(improved) == lines


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(3) Let's", "(5) Let's"),
        ("(3) Let's", "Let's"),
        ("(3) Let's calculate", "(3) We get"),
        (" and B =", " and b ="),
        ("(Final response) So the answer is 199.", "(Final response) It is 199."),
        ("(Final response) So the answer is 199.", ""),
        ("answer is 199.", "answer is 199.\n(5) The end."),
        (" = (3 - -196) = 199", ""),
    ],
)
def test_what_cannot_be_read_is_not_judged(old, new):
    assert verdict(EXAMPLE, (old, new)) is None


def test_an_error_before_an_unreadable_line_counts():
    assert verdict(EXAMPLE, ("= 3.", "= 4."), ("(3) Let's calculate", "(3) We get")).kind == arithmetic.VALUE


def test_an_attempt_without_steps_is_not_judged():
    assert VERIFIER.verify(EXAMPLE, Solution(text="")) is None


def test_repetition_without_end_is_an_ordinary_error():
    endless = "= (7 + -4) =", "= 7 " + "+ 1 " * 900 + "="
    assert verdict(EXAMPLE, endless).kind == arithmetic.VALUE
    start = "A = (7 - -1 + -1 + -4) = (((", "A = 7 " + "+ 0 " * 900 + "- 4 = ((("
    assert verdict(EXAMPLE, start).kind == arithmetic.OPERAND
    assert verdict(EXAMPLE, ("= (7 + -4) =", "= " + "(" * 3000 + " =")).kind == arithmetic.INVALID


def test_there_is_no_improvement_of_a_wrong_prefix_or_of_a_question_that_is_no_expression():
    wrong = numbered([*texts(EXAMPLE.reference)[:1], "Let's calculate A = (7 - -1 + -1 + -4) = 9.", "So"])
    assert IMPROVER.improve(EXAMPLE, wrong, Feedback(text=""), wrong.steps[:2]) is None
    nonsense = EXAMPLE.model_copy(update={"question": "What is 3 / 4?"})
    assert IMPROVER.improve(nonsense, wrong, Feedback(text=""), ()) is None
    assert VERIFIER.verify(nonsense, EXAMPLE.reference).kind == arithmetic.PARTITION
