import json
import os
import random
import re
from collections import Counter
from itertools import permutations
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from stepwise.params import ParamsError, TaskParams
from stepwise.tasks.generated.puzzle_scenes import SCENES, draw_question
from stepwise.tasks.generated.puzzles import PuzzleError, read_puzzle
from stepwise.tasks.logical_deduction import LogicalDeduction, choices, solve
from stepwise.tasks.published.rows import DataError

ROOT = Path(__file__).resolve().parents[2]

LINE = "Three people wait in line: Anna, Tom, and Lucy. Lucy is behind Tom. Anna is last."
PLACES = ("Anna is first.", "Tom is first.", "Lucy is first.")
SHORT = """\
(1) Lucy is behind Tom: "(first) ?? Tom ?? Lucy ?? (last)".
(2) Anna is last: "(first) ?? Anna (last)".
(3) In total, there are 3 people.
(4) Combining (1) and (2): "(first) Tom Lucy Anna (last)".
(5) According to this ordering, Tom is first.
(Final response) Tom is first. So the answer is (B)."""

SHELF = (
    "Five books stand on a shelf: a red book, a blue book, a grey book, an orange book, and a pink book. "
    "The red book is to the left of the pink book. The grey book is directly to the right of the blue book. "
    "The orange book is the second from the left. The pink book is the third from the left."
)
OPTIONS = tuple(f"The {name} book is the rightmost." for name in ("red", "blue", "grey", "orange", "pink"))
RATIONALE = """\
(1) The red book is to the left of the pink book: "(left) ?? red ?? pink ?? (right)".
(2) The grey book is directly to the right of the blue book: "(left) ?? blue grey ?? (right)".
(3) The orange book is the second from the left: "(left) ? orange ?? (right)".
(4) The pink book is the third from the left: "(left) ? ? pink ?? (right)".
(5) In total, there are 5 books.
(6) Combining (3) and (4): "(left) ? orange pink ? ? (right)".
(7) Combining (2) and (6): "(left) red orange pink blue grey (right)".
(8) According to this ordering, the grey book is the rightmost.
(Final response) The grey book is the rightmost. So the answer is (C)."""


def task(data=None, **changes):
    settings = {"train": 60, "dev": 20, "test": 90} | changes
    return LogicalDeduction(TaskParams(form="scripted", **settings), seed=3, data=data)


def orders(pattern, names):
    """The orders that a written pattern denotes, by a regular expression over a letter an object."""
    letters = {name: chr(ord("a") + number) for number, name in enumerate(names)}
    expression = "".join({"?": ".", "??": ".*"}.get(item) or letters[item] for item in pattern.split())
    return {order for order in map("".join, permutations(letters.values())) if re.fullmatch(expression, order)}


def assert_sound(problem):
    """Every ordering denotes what is said, by enumeration: its statement, or what its two parts have in common."""
    puzzle = read_puzzle(problem.question)
    size = len(puzzle.names)
    known = {}
    for step in problem.reference.steps[:-2]:
        if "In total" in step.text:
            assert step.text == f"({step.id}) In total, there are {size} {puzzle.noun}."
            assert len(known) == len(puzzle.statements)
            continue
        known[step.id] = orders(re.search(r'"\(\w+\) (.*) \(\w+\)"', step.text)[1], puzzle.names)
        if parts := re.search(r"Combining \((\d+)\) and \((\d+)\)", step.text):
            assert known[step.id] == known[parts[1]] & known[parts[2]]
            assert known[step.id] not in (known[parts[1]], known[parts[2]])
    [order] = known[step.id]
    assert order in set.intersection(*(known[str(number)] for number in range(1, len(puzzle.statements) + 1)))
    sentence = problem.choices["ABCDEFG".index(problem.answer)]
    assert problem.reference.steps[-1].text == f"(Final response) {sentence} So the answer is ({problem.answer})."
    index = "ABCDEFG".index(problem.answer)
    assert puzzle.wording.place(index, order.index("abcdefg"[index]) + 1) == sentence


@pytest.mark.parametrize(
    ("question", "options", "text"), [(LINE, PLACES, SHORT), (SHELF, OPTIONS, RATIONALE)], ids=["line", "shelf"]
)
def test_rationales_worked_by_hand(question, options, text):
    """On the shelf, nothing needs the first statement once the other three are combined."""
    assert solve(question, options).text == text


def test_generated_questions_are_solved_soundly():
    problems = task().load("test").problems
    for problem in problems:
        assert_sound(problem)
    assert {(p.difficulty, p.bin) for p in problems} == {("3", "seen"), ("5", "seen"), ("7", "unseen")}
    assert Counter(p.meta["objects"] for p in problems) == {3: 30, 5: 30, 7: 30}
    assert {len(p.choices) for p in problems} == {3, 5, 7}


@pytest.mark.slow
def test_two_thousand_generated_questions_are_solved_soundly():
    for problem in task(test=2000, options={"test_objects": [3, 4, 5, 6]}).load("test").problems:
        assert_sound(problem)


@pytest.mark.parametrize("scene", SCENES)
def test_no_statement_of_a_scene_can_be_left_out(scene):
    generator = random.Random(scene)
    for size in (3, 4, 6):
        puzzle = read_puzzle(draw_question(size, [SCENES[scene]], generator))
        assert puzzle.common.bit_count() == 1
        for left_out in range(len(puzzle.allowed)):
            common = puzzle.orders.everything
            for number, allowed in enumerate(puzzle.allowed):
                common &= allowed if number != left_out else common
            assert common.bit_count() > 1


def test_places_and_answers_are_spread_evenly():
    problems = task(test=400, options={"test_objects": [4]}).load("test").problems
    answers = Counter(problem.answer for problem in problems)
    assert set(answers) == set("ABCD")
    assert min(answers.values()) > 70
    stated = sum(problem.choices["ABCD".index(problem.answer)] in problem.question for problem in problems)
    assert 20 < stated < 160, "the answer is rarely a statement of the question"


def test_the_same_statements_in_another_order_are_the_same_problem():
    swapped = LINE.replace("Lucy is behind Tom. Anna is last.", "Anna is last. Lucy is behind Tom.")
    renamed = LINE.replace("Anna", "Kate")
    generated = task()
    assert generated.identity(LINE) == generated.identity(swapped) != generated.identity(renamed)


def test_options_choose_scenes_and_sizes():
    problems = task(options={"scenes": ["race"], "train_objects": [4], "test_objects": [4, 6]}).load("test").problems
    assert all("took part in a race" in problem.question for problem in problems)
    assert {(p.difficulty, p.bin) for p in problems} == {("4", "seen"), ("6", "unseen")}
    few = task(options={"scenes": ["queue"], "test_objects": [3, 5], "scene_size": 5}).load("test").problems
    assert len({name for problem in few for name in read_puzzle(problem.question).names}) == 5


@pytest.mark.parametrize(
    "options", [{"train_objects": [2]}, {"test_objects": [8]}, {"scenes": ["sea"]}, {"scenes": []}, {"scene_size": 6}]
)
def test_bad_options_are_refused(options):
    with pytest.raises(ParamsError, match=r"task\.logical_deduction\.options"):
        task(options=options)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ("What is the order?", "does not list"),
        ("Three people wait in line: Anna, Tom, and Anna. Anna is last.", "does not list"),
        ("Four people wait in line: Anna, Tom, and Lucy. Anna is last.", "announces Four objects and lists 3"),
        ("Three people wait in line: Anna, Tom, and Lucy. Anna sings.", "has a sentence"),
        ("Three people wait in line: Anna, Tom, and Lucy. Anna is last.", "leaves 2 orders"),
        ("Three people wait in line: Anna, Tom, and Lucy. Anna is last. Anna is first.", "leaves 0 orders"),
    ],
)
def test_what_is_no_puzzle_is_refused(question, message):
    with pytest.raises(PuzzleError, match=message):
        solve(question, PLACES)


def test_options_need_one_that_is_true():
    for options in (PLACES[:1], (*PLACES, "Lucy is second."), ("Tom sings.",)):
        with pytest.raises(PuzzleError, match="true options"):
            solve(LINE, options)


def test_the_prompt_lists_the_options_and_explains_the_marks():
    generated = task()
    problem = generated.problem(LINE, 3, "test", 0)
    assert problem.choices == choices(LINE)
    options = "\n".join(f"({letter}) {choice}" for letter, choice in zip("ABC", problem.choices, strict=True))
    [prompt] = generated.prompt(problem)
    assert prompt == f"Q: {LINE}\nOptions:\n{options}\nAnswer: Let's think step by step. {generated.hint}\n"


@pytest.mark.parametrize(
    ("text", "strict", "robust"),
    [
        ("(Final response) Tom is first. So the answer is (B).", True, True),
        ("(Final response) So the answer is Tom is first.", False, True),
        ("(B)", True, True),
        ("(Final response) Tom is first. So the answer is (C).", False, False),
        ("Tom might be first", False, False),
    ],
)
def test_strict_and_robust_reading(text, strict, robust):
    problem = task().problem(LINE, 3, "test", 0).model_copy(update={"answer": "B", "choices": PLACES})
    [verdict] = task().check(problem, [text])
    assert (verdict.strict_correct, verdict.correct) == (strict, robust)


def test_rationales_of_the_default_sizes_are_short():
    tokenizer = Tokenizer.from_file(str(ROOT / "checkpoints" / "tiny" / "tokenizer.json"))
    defaults = {"scenes": ["things", "queue"], "test_objects": [3, 4]}
    for options, most in ((defaults, 260), ({"test_objects": [3, 4]}, 330)):
        problems = task(test=200, options=options).load("test").problems
        lengths = [len(tokenizer.encode(problem.reference.text).ids) for problem in problems]
        mean = sum(lengths) / len(lengths)
        print(f"{options}: {mean:.0f} tokens on average, at most {max(lengths)}")
        assert mean < most
        assert max(lengths) < 450


def rows(folder, **scores):
    (folder / "bigbench").mkdir()
    for name in ("three", "five", "seven"):
        row = {"input": LINE, "target_scores": dict.fromkeys(PLACES, 0) | {PLACES[1]: 1} | scores}
        (folder / "bigbench" / f"logical_deduction_{name}_objects.jsonl").write_text(json.dumps(row) + "\n")


def test_the_test_split_can_be_big_benchs(tmp_path):
    rows(tmp_path)
    published = task(tmp_path, test=0, options={"test_source": "bigbench"})
    loaded = published.load("test")
    assert [(p.answer, p.difficulty, p.bin) for p in loaded.problems] == [
        ("B", "3", "seen"),
        ("B", "5", "seen"),
        ("B", "7", "unseen"),
    ]
    assert all(p.reference is None and p.choices == PLACES and p.question == LINE for p in loaded.problems)
    assert published.load("train") == task(test=0).load("train")
    assert len(task(tmp_path, test=2, options={"test_source": "bigbench"}).load("test").problems) == 2
    with pytest.raises(ParamsError, match=r"task\.logical_deduction\.test: 4 problems"):
        task(tmp_path, test=4, options={"test_source": "bigbench"}).load("test")


def test_rows_without_a_single_right_option_are_counted(tmp_path):
    rows(tmp_path, **{PLACES[0]: 1})
    loaded = task(tmp_path, test=0, options={"test_source": "bigbench"}).load("test")
    assert (loaded.problems, loaded.read, loaded.dropped) == ([], 3, {"not exactly one right option": 3})


def test_missing_rows_are_an_error_that_names_the_setting_and_the_remedy(tmp_path):
    with pytest.raises(DataError, match=r"logical_deduction\.options\.test_source.*three_objects.*STEPWISE_DATA"):
        task(tmp_path, options={"test_source": "bigbench"}).load("test")


@pytest.mark.data
def test_big_benchs_rows_are_read_and_solved():
    if "STEPWISE_DATA" not in os.environ:
        pytest.skip("STEPWISE_DATA is not set")
    published = task(Path(os.environ["STEPWISE_DATA"]), test=0, options={"test_source": "bigbench"})
    problems = published.load("test").problems
    assert Counter(problem.difficulty for problem in problems) == {"3": 3, "5": 10, "7": 35}
    for problem in problems:
        solution = solve(problem.question, problem.choices)
        [verdict] = published.check(problem, [solution.text])
        assert solution.answer == problem.answer
        assert verdict.strict_correct
