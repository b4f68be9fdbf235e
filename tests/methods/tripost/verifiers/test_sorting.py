import random

import pytest

from stepwise.methods.tripost.verifiers import sorting_checks as checks
from stepwise.methods.tripost.verifiers.sorting import SortingVerifier
from stepwise.methods.tripost.verifiers.sorting_improver import SortingImprover
from stepwise.records import Feedback, Problem, Solution
from stepwise.tasks.generated.scripted import FINAL
from stepwise.tasks.word_sorting import QUESTION, solve
from tests.methods.tripost.verifiers.attempts import (
    attempt,
    pairs,
    prefix,
    scribbled,
    sorting_problems,
    sorting_task,
)
from tests.methods.tripost.verifiers.sorting_mutations import MUTATIONS

VERIFIER, IMPROVER = SortingVerifier(), SortingImprover()
TASK = sorting_task(1, 0)
NONE = Feedback(text="")


def problem(words: str) -> Problem:
    return TASK.problem(QUESTION + words, len(words.split()), "train", 0)


EXAMPLE = problem("law cat ladder cow lad cap cab")
GOLD = """\
(1) The first letter: "law"="l" (12), "cat"="c" (3), "ladder"="l" (12), "cow"="c" (3), "lad"="l" (12), "cap"="c" (3), \
"cab"="c" (3).
(2) We now have: (3) ["cat" ? "cow" ? "cap" ? "cab"] < (12) ["law" ? "ladder" ? "lad"].
(3) Now sort this subpart ["cat" ? "cow" ? "cap" ? "cab"] by looking at their second letters: "cat"="a" (1), \
"cow"="o" (15), "cap"="a" (1), "cab"="a" (1).
(3.1) We now have: (1) ["cat" ? "cap" ? "cab"] < (15) "cow".
(3.2) Now sort this subpart ["cat" ? "cap" ? "cab"] by looking at their third letters: "cat"="t" (20), "cap"="p" (16), \
"cab"="b" (2).
(3.2.1) We now have: (2) "cab" < (16) "cap" < (20) "cat".
(3.2.2) Hence, we have "cab" < "cap" < "cat".
(3.3) Hence, we have "cab" < "cap" < "cat" < "cow".
(4) Now sort this subpart ["law" ? "ladder" ? "lad"] by looking at their second letters: "law"="a" (1), \
"ladder"="a" (1), "lad"="a" (1).
(4.1) We now have: (1) ["law" ? "ladder" ? "lad"].
(4.2) Now sort this subpart ["law" ? "ladder" ? "lad"] by looking at their third letters: "law"="w" (23), \
"ladder"="d" (4), "lad"="d" (4).
(4.3) We now have: (4) ["ladder" ? "lad"] < (23) "law".
(4.4) Now sort this subpart ["ladder" ? "lad"] by looking at their fourth letters: "ladder"="d" (4), "lad"="" (0).
(4.4.1) We now have: (0) "lad" < (4) "ladder".
(4.4.2) Hence, we have "lad" < "ladder".
(4.5) Hence, we have "lad" < "ladder" < "law".
(5) Hence, we have "cab" < "cap" < "cat" < "cow" < "lad" < "ladder" < "law".
(Final response) So the answer is: cab cap cat cow lad ladder law."""


def verdict(*changes: tuple[str, str]) -> Feedback | None:
    """The verdict on the gold rationale above after replacements of text."""
    text = GOLD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return VERIFIER.verify(EXAMPLE, TASK.parse(text))


def assert_gold_is_correct(question: Problem, every_prefix: bool = True) -> None:
    feedback = VERIFIER.verify(question, question.reference)
    assert feedback is not None, question.reference.text
    assert (feedback.step, feedback.segment, feedback.kind) == (None, None, ""), question.reference.text
    cuts = range(len(question.reference.steps)) if every_prefix else (0, 1, len(question.reference.steps) // 2, -1)
    for cut in cuts:
        improved = IMPROVER.improve(question, question.reference, feedback, question.reference.steps[:cut])
        assert improved == question.reference


@pytest.mark.parametrize("count", [200, pytest.param(2000, marks=pytest.mark.slow)])
def test_gold_rationales_are_correct_and_every_prefix_is_continued_as_the_solver_does(count):
    for question in sorting_problems(count, seed=5):
        assert_gold_is_correct(question, every_prefix=count > 200)


def test_the_example_is_the_solvers():
    assert EXAMPLE.reference.text == GOLD
    assert verdict().step is None


def test_prefixes_repetitions_and_other_characters_are_sorted_as_the_solver_does():
    generator = random.Random(4)
    for _ in range(150):
        words = ["".join(generator.choices("aab'B", k=generator.randint(1, 5))) for _ in range(generator.randint(1, 8))]
        assert_gold_is_correct(problem(" ".join(words)))
    assert_gold_is_correct(problem("etc. etc it's its co-op coop R&D R2 é e"))
    assert_gold_is_correct(problem(f"{'a' * 60}b {'a' * 60}"))


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__)
def test_every_kind_of_error_is_found_where_it_is_and_is_corrected(mutate):
    generator = random.Random(mutate.__name__)
    wrong = 0
    for question in sorting_problems(380, 7)[19:]:
        if (mutation := mutate(question, generator)) is None:
            continue
        attempt, step, kind = mutation
        feedback = VERIFIER.verify(question, attempt)
        assert feedback is not None, attempt.text
        assert (feedback.step, feedback.kind) == (step, kind), (attempt.text, feedback)
        assert_corrected(question, attempt, feedback)
        wrong += 1
    assert wrong >= 50


def assert_corrected(question: Problem, attempt: Solution, feedback: Feedback) -> None:
    erroneous = next(step for step in attempt.steps if step.id == feedback.step)
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
    if not corrected.startswith(erroneous.text):
        assert corrected.count(feedback.segment) < erroneous.text.count(feedback.segment), (feedback, corrected)
    assert improved.answer == question.answer
    assert VERIFIER.verify(question, improved).step is None
    assert TASK.parse(improved.text).steps == improved.steps
    assert TASK.check(question, [improved.text])[0].strict_correct


def test_an_attempt_that_is_called_correct_has_the_right_answer_and_no_text_makes_it_fail():
    generator = random.Random(8)
    outcomes = {"correct": 0, "wrong": 0, "unreadable": 0}
    for question in sorting_problems(380, 7) * 3:
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
    assert outcomes["wrong"] > 300


@pytest.mark.parametrize(
    ("old", "new", "step", "kind", "segment", "reason"),
    [
        ("The first letter", "The second letter", "1", checks.LETTER, "The second letter", "first letters come first"),
        ('third letters: "cat"', 'fifth letters: "cat"', "3.2", checks.LETTER, "fifth letters", "third"),
        ('third letters: "cat"', 'second letters: "cat"', "3.2", checks.LETTER, "second letters", "(3)"),
        ('at their fourth letters', 'at their first letters', "4.4", checks.LETTER, "first letters", "(1)"),
        (', "cab"="c" (3)', "", "1", checks.CONSISTENT, None, '"cab" is missing'),
        ('"cow"="c" (3)', '"cat"="c" (3)', "1", checks.CONSISTENT, '"cat"="c" (3)', "listed twice"),
        ('"cow"="o" (15)', '"crow"="r" (18)', "3", checks.CONSISTENT, '"crow"="r" (18)', "not one of"),
        ('"cap"="p" (16)', '"cap"="p" (15)', "3.2", checks.NUMBER, '"cap"="p" (15)', '"p" has the number 16'),
        ('"cap"="p" (16)', '"cap"="b" (2)', "3.2", checks.NUMBER, '"cap"="b" (2)', 'third letter of "cap" is "p"'),
        ('"lad"="" (0)', '"lad"="e" (5)', "4.4", checks.NUMBER, '"lad"="e" (5)', "has no fourth letter"),
        ('"lad"="" (0)', '"lad"="" (1)', "4.4", checks.NUMBER, '"lad"="" (1)', "the end of a word"),
        ('subpart ["law" ? "ladder" ? "lad"] by looking at their second', 'subpart ["cab" ? "cap"] by looking at their '
         'second', "4", checks.SUBPART, '["cab" ? "cap"]', "step (2) leaves unsorted"),
        ('subpart ["ladder" ? "lad"]', 'subpart ["cat" ? "cap" ? "cab"]', "4.4", checks.SUBPART, None, "step (4.3)"),
        ('< (15) "cow"', '< (15) ["cow"]', "3.1", checks.SORT, '(15) ["cow"]', "no square brackets"),
        ('(4) ["ladder" ? "lad"]', '(4) "ladder" = "lad"', "4.3", checks.SORT, '(4) "ladder" = "lad"', "not equal"),
        (' < (15) "cow"', "", "3.1", checks.SORT, None, "number 15 is missing"),
        ('(16) "cap" < ', '(16) "cap" < (17) "cap" < ', "3.2.1", checks.SORT, '(17) "cap"', "no word with the number"),
        ('(16) "cap" < ', '(16) "cap" < (16) "cap" < ', "3.2.1", checks.SORT, '(16) "cap"', "already a group"),
        ('(16) "cap" < ', '(16) "cab" < ', "3.2.1", checks.SORT, '(16) "cab"', '"cab" occurs twice'),
        ('(2) "cab" < (16) "cap"', '(16) "cap" < (2) "cab"', "3.2.1", checks.SORT, None, "2 should come first"),
        ('(16) "cap" < (20) "cat"', '(20) "cat" < (16) "cap"', "3.2.1", checks.SORT, '(2) "cab" < (20) "cat"', "16"),
        ('(2) "cab" < (16) "cap"', '(2) "cap" < (16) "cap"', "3.2.1", checks.SORT, '(2) "cap"', '"cap" occurs twice'),
        ('(16) "cap" < (20) "cat"', '(16) "cat" < (20) "cap"', "3.2.1", checks.SORT, '(16) "cat"', "number 16 are"),
        ('(2) "cab" < (16)', '(2) "cab" > (16)', "3.2.1", checks.SORT, None, "not a list of groups"),
        ('2.2) Hence, we have "cab" <', '2.2) Hence, we have "cab" ?', "3.2.2", checks.COMBINE, '"cab" ? "cap"', ""),
        ('2.2) Hence, we have "cab" <', '2.2) Hence, we have "cab" >', "3.2.2", checks.COMBINE, '"cab" > "cap"', ""),
        ('(4.5) Hence, we have "lad" <', '(4.5) Hence, we have "law" <', "4.5", checks.COMBINE, None, "occurs twice"),
        ('(4.5) Hence, we have "lad" <', '(4.5) Hence, we have "cab" <', "4.5", checks.COMBINE, None, "not one of"),
        ('(4.5) Hence, we have "lad" <', '(4.5) Hence, we have', "4.5", checks.COMBINE, None, '"lad" is missing'),
        ('"cow" < "lad" <', '"lad" < "cow" <', "5", checks.COMBINE, '"lad" < "cow"', "in step (2)"),
        ('(5) Hence, we have "cab" < "cap"', '(5) Hence, we have "cap" < "cab"', "5", checks.COMBINE, None, "(3.2.1)"),
        ("cow lad ladder", "lad cow ladder", FINAL, checks.ANSWER, None, "step (5) gives another order"),
        ("So the answer is: cab", "So the answer is: cab cab", FINAL, checks.ANSWER, None, "step (5)"),
    ],
)  # fmt: skip
def test_segments_and_reasons(old, new, step, kind, segment, reason):
    feedback = verdict((old, new))
    assert (feedback.step, feedback.kind) == (step, kind), feedback
    if segment is not None:
        assert feedback.segment == segment
    assert reason in feedback.text


def test_conclusions_must_follow_from_the_steps_before_them():
    steps = pairs(EXAMPLE.reference)
    early = attempt([*steps[:2], ("3", steps[-2][1]), steps[-1]])
    feedback = VERIFIER.verify(EXAMPLE, early)
    assert (feedback.step, feedback.kind, feedback.segment) == ("3", checks.COMBINE, '"cab" < "cap"')
    assert feedback.text == "no step has put these two words in order"
    again = attempt([*steps[:8], ("3.4", steps[7][1]), *steps[8:]])
    assert VERIFIER.verify(EXAMPLE, again).text == "step (3.3) has already put these words in order"
    none = attempt([*steps[:-2], steps[-1]])
    assert VERIFIER.verify(EXAMPLE, none).kind == checks.ANSWER
    assert VERIFIER.verify(EXAMPLE, attempt([("1", steps[-2][1])])).kind == checks.COMBINE
    assert VERIFIER.verify(EXAMPLE, attempt([("1", steps[1][1])])).kind == checks.SORT


def test_letters_that_are_not_used_and_subparts_sorted_before():
    steps = pairs(EXAMPLE.reference)
    twice = VERIFIER.verify(EXAMPLE, attempt([*steps[:3], ("3.1", steps[4][1])]))
    assert (twice.step, twice.kind) == ("3.1", checks.SUBPART)
    again = VERIFIER.verify(EXAMPLE, attempt([*steps[:8], ("4", steps[2][1])]))
    assert (again.step, again.kind, again.text) == ("4", checks.SUBPART, "it has already been sorted")
    first = VERIFIER.verify(EXAMPLE, attempt([("1", steps[2][1])]))
    assert (first.step, first.kind) == ("1", checks.SUBPART)


def test_groups_may_be_sorted_in_another_order_and_are_continued_so():
    steps = pairs(EXAMPLE.reference)
    swapped = [(f"3{step_id[1:]}", text) for step_id, text in steps[8:16]]
    swapped += [(f"4{step_id[1:]}", text) for step_id, text in steps[2:8]]
    other = attempt([*steps[:2], *swapped, *steps[16:]])
    assert VERIFIER.verify(EXAMPLE, other).step is None
    for cut in range(2, len(other.steps)):
        improved = IMPROVER.improve(EXAMPLE, other, NONE, other.steps[:cut])
        assert VERIFIER.verify(EXAMPLE, improved).step is None
        assert improved.text == (other.text if cut > 2 else GOLD)


def test_a_prefix_that_leaves_a_group_behind_has_no_continuation():
    steps = pairs(EXAMPLE.reference)
    left = attempt([*steps[:4], *steps[8:10]])
    assert IMPROVER.improve(EXAMPLE, left, NONE, left.steps) is None


def test_a_wrong_prefix_has_no_continuation():
    wrong = attempt([("1", pairs(EXAMPLE.reference)[0][1].replace('"law"="l" (12)', '"law"="l" (13)'))])
    assert IMPROVER.improve(EXAMPLE, wrong, NONE, wrong.steps) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("(3.2) Now", "(3.4) Now"),
        ("(3.2) Now", "(3) Now"),
        ("(3.3) Hence", "(3.2) Hence"),
        ("(3.3) Hence", "(3.03) Hence"),
        ("(3.3) Hence", "(" + "9" * 5000 + ") Hence"),
        ("(3.3) Hence", "Hence"),
        ("(4.4.1) We", "(4.5) We"),
        ("Now sort", "Sort"),
        ("at their third letters", "at their last letters"),
        ('"cat"="t" (20), ', '"cat"=t (20), '),
        ("(5) Hence, we have", "(5) Hence, we have:::"),
        ("So the answer is", "So it is"),
        ("\n(Final response) So the answer is: cab cap cat cow lad ladder law.", ""),
        ("ladder law.", "ladder law.\n(6) Done."),
    ],
)
def test_what_cannot_be_read_is_not_judged(old, new):
    assert verdict((old, new)) is None


def test_a_question_without_words_is_not_judged():
    nothing = EXAMPLE.model_copy(update={"question": "Sort."})
    assert VERIFIER.verify(nothing, EXAMPLE.reference) is None
    assert IMPROVER.improve(nothing, EXAMPLE.reference, NONE, ()) is None


def test_repeated_words():
    twins = problem("b a b")
    assert solve(["b", "a", "b"]) == twins.reference
    text = twins.reference.text
    for old, new, kind in [
        ('(2) "b" = "b"', '(2) "b"', checks.SORT),
        ('(2) "b" = "b"', '(2) ["b" ? "b"]', checks.SORT),
        ('have "a" < "b" = "b"', 'have "a" < "b" < "b"', checks.COMBINE),
        ('have "a" < "b" = "b"', 'have "a" < "b"', checks.COMBINE),
        ("a b b.", "a b.", checks.ANSWER),
    ]:
        assert old in text
        assert VERIFIER.verify(twins, TASK.parse(text.replace(old, new))).kind == kind
