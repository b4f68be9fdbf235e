"""What a language model reads as a teacher, and what its answers mean."""

from __future__ import annotations

import random

import pytest

from stepwise.methods.tripost.roles import CORRECT, VerifyRequest
from stepwise.methods.tripost.teacher.prompts import (
    improver_examples,
    improver_prompt,
    read_update,
    read_verdict,
    verifier_examples,
    verifier_prompt,
)
from stepwise.methods.tripost.teacher.shots import read_shots, taught_tasks
from stepwise.methods.tripost.transcript import malformed
from stepwise.params import TaskParams
from stepwise.records import Solution
from stepwise.tasks.generated.scripted import FINAL
from stepwise.tasks.registry import get_task
from stepwise.tasks.word_sorting import QUESTION as SORT
from stepwise.tasks.word_sorting import solve as sort_words
from tests.methods.tripost.sums import random_text
from tests.methods.tripost.teacher.cases import (
    CONTINUED,
    ERROR,
    IMPROVE,
    LEAD_IN,
    LINES,
    MARKER,
    QUESTION,
    RIGHT,
    TASK,
    VERDICT,
    VERIFY,
    WRONG,
)

NESTED = sort_words(["salt", "sand", "egg"])


def test_the_verifier_reads_question_hint_and_attempt() -> None:
    examples, case = verifier_prompt(TASK, "examples", VERIFY)
    assert examples == "examples"
    assert case == f"Q: {QUESTION}\nAnswer: {LEAD_IN}\n" + "\n".join(LINES) + "\nEarliest error step:"


def test_the_improver_reads_the_feedback_too_and_continues_after_the_correct_steps() -> None:
    _, case = improver_prompt(TASK, "examples", IMPROVE)
    assert case == (
        f"Q: {QUESTION}\nAnswer: {LEAD_IN}\n" + "\n".join(LINES) + "\n"
        'Feedback: Step (1) is correct. In step (2) the part "(3 + 4) = 8" is incorrect. '
        "This is because 3 + 4 is 7.\n"
        f"Updated Answer: {LEAD_IN}\n{LINES[0]}\n"
    )


@pytest.mark.parametrize("name", taught_tasks())
def test_examples_end_where_the_model_is_to_stop(name: str) -> None:
    task, shots = get_task(name, TaskParams(form="scripted", train=1, dev=1, test=1), seed=0), read_shots(name)
    wrong = verifier_examples(task, shots, may_be_correct=False)
    mixed = verifier_examples(task, shots, may_be_correct=True)
    updates = improver_examples(task, shots)
    assert wrong.count("\n[END]\n\nQ: ") == len(shots.wrong) - 1
    assert wrong.endswith("\n[END]\n\n")
    assert updates.count("\n[END]\n\n") == updates.count("\nUpdated Answer: ") == len(shots.update)
    assert "None" not in wrong
    right = "Earliest error step: None\nError segment: None\nError reason: The final response is correct.\n[END]"
    assert mixed.count(right) == 1
    assert mixed.count("[END]") == len(shots.wrong) + 1


def test_the_gold_answer_is_nowhere_in_a_prompt() -> None:
    shots = read_shots(TASK.name)
    verify = verifier_prompt(TASK, verifier_examples(TASK, shots, may_be_correct=True), VERIFY)
    improve = improver_prompt(TASK, improver_examples(TASK, shots), IMPROVE)
    assert MARKER not in "".join(verify + improve)


def test_a_task_that_would_show_the_gold_answer_cannot() -> None:
    class Careless:
        """A task whose prompt prints all it knows."""

        def prompt(self, problem: object) -> tuple[str, ...]:
            return (f"Q: {problem.question} {problem.answer} {problem.reference}\nAnswer: \n",)  # type: ignore[attr-defined]

    assert MARKER not in verifier_prompt(Careless(), "", VERIFY)[1]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [
        VERDICT,
        " (2)\n\nError segment:  (3+4)=8 \nError reason: 3 + 4 is 7",
        ' Step (2).\nError segment: "(3 + 4) = 8"\nError reason: 3 + 4 is 7.\n[END]\nQ: more',
        "2\nError segment: \u201c(3 + 4)  = 8\u201d\nError reason:  3  + 4 is 7. \nEarliest error step: (1)",
    ],
)
def test_a_verdict_is_read_however_it_is_spaced_and_quoted(text: str) -> None:
    assert read_verdict(text, WRONG) == ERROR


@pytest.mark.parametrize(
    "text",
    [
        "",
        " (2)",
        ' (2)\nError segment: "(3 + 4) = 8"',
        ' (2)\nError reason: 3 + 4 is 7.\nError segment: "(3 + 4) = 8"',
        ' (9)\nError segment: "(3 + 4) = 8"\nError reason: 3 + 4 is 7.',
        ' (2.1)\nError segment: "(3 + 4) = 8"\nError reason: 3 + 4 is 7.',
        ' line 2\nError segment: "(3 + 4) = 8"\nError reason: 3 + 4 is 7.',
        ' (2)\nError segment: "(3 + 4) = 9"\nError reason: 3 + 4 is 7.',
        ' (2)\nError segment: "(9 - 7)"\nError reason: 3 + 4 is 7.',
        ' (2)\nError segment: "(2)"\nError reason: 3 + 4 is 7.',
        ' (2)\nError segment: ""\nError reason: 3 + 4 is 7.',
        " (2)\nError segment: None\nError reason: 3 + 4 is 7.",
        ' (2)\nError segment: "(3 + 4) = 8"\nError reason: .',
        ' None\nError segment: "(3 + 4) = 8"\nError reason: 3 + 4 is 7.',
        " None\nError segment: None\nError reason: 3 + 4 is 7.",
        " None\nError segment: None\nError reason: The final response is not correct.",
    ],
)
def test_what_is_no_verdict_cannot_be_judged(text: str) -> None:
    assert read_verdict(text, WRONG) is None


def test_nothing_is_wrong() -> None:
    assert read_verdict(" None\nError segment: None\nError reason: The final response is correct.", RIGHT) == CORRECT
    loosely = ' (None)\nError segment: "None"\nError reason: final response is also correct'
    assert read_verdict(loosely, RIGHT) == CORRECT


@pytest.mark.parametrize(
    ("reason", "clause"),
    [
        ("The sum is 7.", "the sum is 7"),
        ("A has not been calculated yet.", "A has not been calculated yet"),
        ("BODMAS says so", "BODMAS says so"),
        ("3 + 4 is 7. So A is 7.", "3 + 4 is 7. So A is 7"),
    ],
)
def test_a_reason_becomes_a_clause(reason: str, clause: str) -> None:
    verdict = read_verdict(f' (2)\nError segment: "8"\nError reason: {reason}', WRONG)
    assert verdict is not None
    assert verdict.text == clause


def test_steps_are_named_as_they_are_printed() -> None:
    ids = [step.id for step in NESTED.steps]
    assert "3.1" in ids
    for step in NESTED.steps:
        word = step.text.split()[-1]
        verdict = read_verdict(f" ({step.id})\nError segment: {word}\nError reason: it is", NESTED)
        assert verdict is not None
        assert (verdict.step, verdict.segment) == (step.id, word)
    lower = read_verdict(" (final response)\nError segment: egg salt\nError reason: it is", NESTED)
    assert lower is not None
    assert lower.step == FINAL


def test_quotes_that_belong_to_the_part_stay() -> None:
    verdict = read_verdict(' (1)\nError segment: "(A * B)"\nError reason: it is', WRONG)
    assert verdict is not None
    assert verdict.segment == "(A * B)"
    for written in ('"egg" < "salt" < "sand"', '""egg" < "salt" < "sand""'):
        verdict = read_verdict(f" (4)\nError segment: {written}\nError reason: it is", NESTED)
        assert verdict is not None
        assert verdict.segment == '"egg" < "salt" < "sand"'


@pytest.mark.parametrize(
    "after",
    ["", "\n[END]", "\nFeedback: Step (1)", "\nQ: 1 + 1 =", "\nUpdated Answer: (1)", "\nI hope this helps.", "\n(1) x"],
)
def test_an_update_ends_with_the_final_response(after: str) -> None:
    update = read_update(TASK, CONTINUED + after, RIGHT.steps[:1])
    assert update is not None
    assert (update.steps, update.answer) == (RIGHT.steps, "14")


@pytest.mark.parametrize(
    "text",
    [
        "",
        LINES[1],
        "\n".join(LINES[1:3]) + "\nFeedback: ...\n(4) x\n(Final response) So the answer is 3.",
        "\n".join(LINES),
        "I will correct it.\n" + CONTINUED,
        "(2) x\n(Final response) I do not know.",
        "(2) x\nEarliest error step: (2)\n(Final response) So the answer is 3.",
    ],
)
def test_what_is_no_attempt_is_no_update(text: str) -> None:
    assert read_update(TASK, text, RIGHT.steps[:1]) is None


def test_an_update_of_another_task_has_the_steps_of_its_grammar() -> None:
    task = get_task("word_sorting", TaskParams(form="scripted", train=1, dev=1, test=1), seed=0)
    text = "\n".join(step.text for step in NESTED.steps[3:])
    update = read_update(task, text, NESTED.steps[:3])
    assert update is not None
    assert (update.steps, update.answer) == (NESTED.steps, "egg salt sand")
    assert SORT in "".join(
        verifier_prompt(task, "", VerifyRequest(IMPROVE.problem.model_copy(update={"question": f"{SORT}a b"}), NESTED))
    )


def test_whatever_a_model_writes_is_read_or_refused() -> None:
    generator = random.Random(0)
    pieces = (VERDICT, *LINES, CONTINUED, "[END]", "None", "Error segment:", "Error reason:", "(", '"', "\u2028", "")
    read = 0
    for _ in range(2000):
        text = "".join(generator.choice((*pieces, random_text(generator), "\n")) for _ in range(generator.randrange(8)))
        verdict = read_verdict(text, WRONG)
        if verdict is not None and verdict.step is not None:
            read += 1
            step = next(step for step in WRONG.steps if step.id == verdict.step)
            assert verdict.segment
            assert verdict.segment in step.text
            assert "\n" not in verdict.text
        update = read_update(TASK, text, WRONG.steps[:1])
        assert update is None or (update.steps[:1] == WRONG.steps[:1] and malformed(update.steps) is None)
    assert read
    assert isinstance(WRONG, Solution)
