from __future__ import annotations

import random

import pytest

from stepwise.methods.tripost.transcript import (
    CORRECT,
    UNREADABLE,
    Unreadable,
    feedback_text,
    is_positive,
    parse,
    parse_feedback,
    pieces,
    read_lead_in,
    render,
)
from stepwise.params import TaskParams
from stepwise.records import Feedback, Solution, Trajectory, Turn
from stepwise.tasks.generated.scripted import FINAL, LEAD_IN
from stepwise.tasks.word_sorting import WordSorting
from tests.methods.tripost.sums import (
    PROMPT,
    attempt,
    negative,
    problem,
    random_attempt,
    random_text,
    read,
    solve,
    trajectory,
)

WRONG = attempt("1 + 2 = 4.", "4 + 3 = 7.", "So the answer is 7.")
TEXT = f"""\
(1) 1 + 2 = 4.
(2) 4 + 3 = 7.
(Final response) So the answer is 7.
Feedback: In step (1) the part "1 + 2 = 4" is incorrect. This is because 1 + 2 is 3.
Updated Answer: {LEAD_IN}
(1) 1 + 2 = 3.
(2) 3 + 3 = 6.
(Final response) So the answer is 6.
Feedback: Step (1) to step (2) are correct. The final response is also correct."""
EXAMPLE = trajectory(WRONG, negative("1", "1 + 2 = 4", "1 + 2 is 3"), solve([1, 2, 3]), CORRECT)


def parsed(text: str, lead_in: str = LEAD_IN) -> Trajectory | Unreadable:
    return parse(text, "sum", lead_in, read)


def random_trajectory(generator: random.Random) -> Trajectory:
    turns = []
    for _ in range(generator.randrange(1, 5)):
        solution = random_attempt(generator)
        step = generator.choice(solution.steps)
        segment = generator.choice([None, random_text(generator).replace("is incorrect.", "") or None])
        feedback = generator.choice(
            [
                CORRECT,
                Feedback(text=random_text(generator), step=step.id, segment=segment),
                parse_feedback(random_text(generator)),
            ]
        )
        turns.append(Turn(solution=solution, feedback=feedback))
    if generator.random() < 0.5:
        turns[-1] = Turn(solution=turns[-1].solution)
    return Trajectory(problem_id="sum", turns=tuple(turns))


def test_the_text_of_an_example() -> None:
    assert render(EXAMPLE, LEAD_IN) == TEXT
    assert parsed(TEXT) == EXAMPLE


def test_what_is_rendered_reads_back() -> None:
    for seed in range(300):
        original = random_trajectory(random.Random(seed))
        text = render(original, LEAD_IN)
        back = parsed(text)
        assert back == original, seed
        assert render(back, LEAD_IN) == text, seed


def test_any_text_is_read_or_refused_with_a_reason() -> None:
    """Good texts with lines dropped, repeated, cut and put in; what can be read of them reads back the same."""
    readable = 0
    for seed in range(600):
        generator = random.Random(seed)
        lines = render(random_trajectory(generator), LEAD_IN).split("\n")
        for _ in range(generator.randrange(1, 4)):
            damage(lines, generator)
        back = parsed("\n".join(lines))
        readable += isinstance(back, Trajectory)
        kept = back if isinstance(back, Trajectory) else Trajectory(problem_id="sum", turns=back.turns)
        assert not kept.turns or parsed(render(kept, LEAD_IN)) == kept, seed
    assert 50 < readable < 550


def damage(lines: list[str], generator: random.Random) -> None:
    index = generator.randrange(len(lines) + 1)
    change = generator.choice(["drop", "repeat", "cut", "insert"])
    if change == "insert" or index == len(lines):
        lines.insert(index, generator.choice(["", "Feedback:", "Q: 1 =", "Updated Answer:", "why?", "(", "\x85"]))
    elif change == "drop":
        del lines[index]
    elif change == "repeat":
        lines.insert(index, lines[index])
    else:
        lines[index] = lines[index][: generator.randrange(len(lines[index]) + 1)]


def test_pieces_join_to_the_text() -> None:
    parts = pieces(EXAMPLE, LEAD_IN)
    assert "".join(parts) == TEXT
    assert [part == "\nFeedback:" for part in parts] == [False, True, False, False, False, True, False]
    assert parts[2].startswith(" In step (1)")
    assert parts[3] == f"\nUpdated Answer: {LEAD_IN}\n"


def test_the_category_is_not_in_the_text() -> None:
    judged = trajectory(WRONG, Feedback(text="no", kind="sum", step="2", segment="4 + 3"), solve([1, 2, 3]), CORRECT)
    back = parsed(render(judged, LEAD_IN))
    assert isinstance(back, Trajectory)
    assert back.turns[0].feedback == negative("2", "4 + 3", "no")


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("1", ""),
        ("2", "Step (1) is correct. "),
        ("3", "Step (1) to step (2) are correct. "),
        ("3.1", "Step (1) to step (3) are correct. "),
        (FINAL, "Step (1) to step (3.1) are correct. "),
        ("9", ""),
    ],
)
def test_steps_before_the_error_are_correct(step: str, expected: str) -> None:
    nested = read('(1) a\n(2) b\n(3) c\n(3.1) "d"\n(Final response) e')
    line = f'{expected}In step ({step}) the part "d" is incorrect. This is because it is not.'
    assert feedback_text(nested, negative(step, "d")) == line
    assert parse_feedback(line) == negative(step, "d")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(1) a\n(Final response) b", "Step (1) is correct. The final response is also correct."),
        (
            "(1) a\n(2) b\n(2.1) c\n(Final response) d",
            "Step (1) to step (2.1) are correct. The final response is also correct.",
        ),
        ("(Final response) b", "The final response is also correct."),
    ],
)
def test_the_positive_feedback_names_the_last_step(text: str, expected: str) -> None:
    assert feedback_text(read(text), CORRECT) == expected
    assert parse_feedback(expected) == CORRECT


def test_other_spellings_are_read_and_written_in_one_way() -> None:
    text = TEXT.replace("to step (2)", "to (2)")
    assert text != TEXT
    back = parsed(text)
    assert isinstance(back, Trajectory)
    assert render(back, LEAD_IN) == TEXT


@pytest.mark.parametrize(
    "line",
    [
        "",
        "I think so.",
        'In step (x) the part "a" is incorrect. This is because b.',
        'In step (1) the part "a" is incorrect.',
        "Step (1) is correct.",
        'The final response is also correct. In step (1) the part "a" is incorrect. This is because b.',
    ],
)
def test_other_feedback_is_kept_as_unreadable(line: str) -> None:
    feedback = parse_feedback(line)
    assert feedback == Feedback(text=line, kind=UNREADABLE)
    assert not is_positive(feedback)
    assert feedback_text(WRONG, feedback) == line


def test_segments_may_hold_quotes() -> None:
    line = 'In step (1) the part ""b" < "a"" is incorrect. This is because "a" comes first.'
    assert parse_feedback(line) == negative("1", '"b" < "a"', '"a" comes first')


def test_a_feedback_is_one_line() -> None:
    line = feedback_text(WRONG, negative("1", "1 +\n2", "one\nreason"))
    assert line == 'In step (1) the part "1 + 2" is incorrect. This is because one reason.'


FIRST = "(1) a\n(Final response) b"
FEEDBACK = "Feedback: Step (1) is correct. The final response is also correct."
UPDATE = f"Updated Answer: {LEAD_IN}"


@pytest.mark.parametrize(
    ("lines", "reason", "line", "turns"),
    [
        ([""], "empty", "", 0),
        (["Q: 2 ="], "empty", "", 0),
        ([FEEDBACK], "empty", "", 0),
        (["(1) a", "so", "(Final response) b"], "unknown_line", "so", 0),
        (["Answer: no", FIRST], "unknown_line", "Answer: no", 0),
        (["(1) a", "(1) b", "(Final response) b"], "repeated_step", "(1) b", 0),
        ([FIRST, "(2) c"], "after_final", "(2) c", 1),
        ([FIRST, "Feed"], "unknown_line", "Feed", 1),
        ([FIRST, FIRST], "repeated_step", "(1) a", 1),
        (["(1) a", "(2) b"], "unfinished", "(2) b", 0),
        ([FIRST, UPDATE, FIRST], "header_order", "Updated Answer:", 1),
        ([FIRST, FEEDBACK, FEEDBACK], "header_order", "Feedback:", 1),
        ([FIRST, FEEDBACK, UPDATE, UPDATE, FIRST], "empty", "", 1),
        ([FIRST, FEEDBACK, "(2) c"], "unknown_line", "(2) c", 1),
        ([FIRST, FEEDBACK, "Updated Answer: (1) a"], "unknown_line", "Updated Answer: (1) a", 1),
        ([FIRST, FEEDBACK, UPDATE, "(1) a"], "unfinished", "(1) a", 1),
    ],
)
def test_texts_that_cannot_be_read(lines: list[str], reason: str, line: str, turns: int) -> None:
    unreadable = parsed("\n".join(lines))
    assert isinstance(unreadable, Unreadable)
    assert (unreadable.reason, unreadable.line, len(unreadable.turns)) == (reason, line, turns)


def test_another_question_ends_the_text() -> None:
    assert parsed(f"{TEXT}\nQ: 2 + 2 =\nAnswer: {LEAD_IN}\n(1) 2 + 2 = 4.") == EXAMPLE


def test_blank_lines_do_not_matter() -> None:
    assert parsed(TEXT.replace("\n", "\n \n")) == EXAMPLE


def test_the_header_of_an_update_repeats_the_hint() -> None:
    lead_in = read_lead_in((f"Q: Answer: why?\nAnswer: {LEAD_IN} Brackets first.\n",))
    assert lead_in == f"{LEAD_IN} Brackets first."
    text = render(EXAMPLE, lead_in)
    assert f"\nUpdated Answer: {lead_in}\n" in text
    assert parsed(text, lead_in) == EXAMPLE
    assert isinstance(parsed(text), Unreadable)
    assert read_lead_in(PROMPT) == LEAD_IN


def test_a_tasks_rationales_are_attempts() -> None:
    task = WordSorting(TaskParams(form="scripted", train=40, test=1, dev=1), seed=1)
    for sorted_list in task.load("train").problems:
        assert isinstance(sorted_list.reference, Solution)
        gold = trajectory(sorted_list.reference, CORRECT)
        lead_in = read_lead_in(task.prompt(sorted_list))
        text = render(gold, lead_in)
        last = sorted_list.reference.steps[-2].id
        assert text.endswith(f"to step ({last}) are correct. The final response is also correct.")
        assert parse(text, "sum", lead_in, task.parse) == gold


def test_sums_are_written_in_the_same_way() -> None:
    assert problem(1, 2, 3).reference == attempt("1 + 2 = 3.", "3 + 3 = 6.", "So the answer is 6.")
