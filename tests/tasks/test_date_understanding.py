import gzip
import json
import os
import re
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Problem
from stepwise.tasks.date_understanding import DateUnderstanding, solve
from stepwise.tasks.generated.date_questions import read_question
from stepwise.tasks.generated.dates import Shift, read_date, written
from stepwise.tasks.published.rows import DataError

ASK = "What is the date {} in MM/DD/YYYY?"


def task(data: Path | None = None, test: int = 200, seed: int = 1, **options: object) -> DateUnderstanding:
    params = TaskParams(form="scripted", train=200, dev=40, test=test, options=options)
    return DateUnderstanding(params, seed, data)


def problem(answer: str = "B") -> Problem:
    choices = ("01/02/2020", "02/01/2020", "02/01/2021")
    return Problem(id="p", task="date_understanding", split="test", question="Q", answer=answer, choices=choices)


@pytest.mark.parametrize(
    ("facts", "goal", "steps"),
    [
        ("It is 4/19/1969 today.", "today", "(1) 4/19/1969 is 04/19/1969."),
        ("Today is the first day of 2019.", "today", "(1) The first day of 2019 is 01/01/2019."),
        ("Today is the last day of Feb 2000.", "today", "(1) The last day of Feb 2000 is 02/29/2000."),
        ("Today is New Year's Eve of 1937.", "today", "(1) New Year's Eve of 1937 is 12/31/1937."),
        (
            "Tomorrow is Mar 1, 2020.",
            "24 hours later",
            "(1) Mar 1, 2020 is 03/01/2020.\n"
            "(2) 1 day before 03/01/2020 is 02/29/2020.\n"
            "(3) 1 day after 02/29/2020 is 03/01/2020.",
        ),
        (
            "Ana was born on February 29, 2000 and turns 16 today.",
            "one week ago",
            "(1) February 29, 2000 is 02/29/2000.\n"
            "(2) 16 years after 02/29/2000 is 02/29/2016.\n"
            "(3) 1 week before 02/29/2016 is 02/22/2016.",
        ),
        (
            "The exam was planned for 12/30/2019, but was brought forward by 3 months. It is 2 weeks from now.",
            "10 days from today",
            "(1) 12/30/2019 is 12/30/2019.\n"
            "(2) 3 months before 12/30/2019 is 09/30/2019.\n"
            "(3) 2 weeks before 09/30/2019 is 09/16/2019.\n"
            "(4) 10 days after 09/16/2019 is 09/26/2019.",
        ),
    ],
)
def test_rationales_by_hand(facts, goal, steps):
    reference = solve(f"{facts} {ASK.format(goal)}", ["01/01/1900", steps[-11:-1]])
    assert reference.text == f"{steps}\n(Final response) So the answer is (B)."
    assert reference.answer == "B"


@pytest.mark.parametrize(
    ("start", "shift", "end"),
    [
        (date(2019, 2, 28), Shift(1, "day"), date(2019, 3, 1)),
        (date(2020, 3, 1), Shift(-1, "day"), date(2020, 2, 29)),
        (date(1999, 12, 31), Shift(2, "week"), date(2000, 1, 14)),
        (date(2020, 11, 30), Shift(14, "month"), date(2022, 1, 30)),
        (date(2020, 1, 15), Shift(-1, "month"), date(2019, 12, 15)),
        (date(2000, 2, 29), Shift(-4, "year"), date(1996, 2, 29)),
    ],
)
def test_shifts_by_hand(start, shift, end):
    assert shift.shifted(start) == end


@pytest.mark.parametrize(
    ("start", "shift"),
    [
        (date(2020, 1, 31), Shift(1, "month")),
        (date(2000, 2, 29), Shift(1, "year")),
        (date(9999, 1, 1), Shift(1, "year")),
        (date(1, 1, 1), Shift(-1, "day")),
        (date(2000, 1, 1), Shift(10**12, "day")),
        (date(2000, 1, 1), Shift(10**12, "year")),
    ],
)
def test_a_shift_to_a_day_that_does_not_exist_is_an_error(start, shift):
    with pytest.raises(ValueError, match=r"day|year|range"):
        shift.shifted(start)


def test_shifts_of_the_same_length_are_the_same():
    assert Shift(1, "week").same(Shift(7, "day"))
    assert Shift(-12, "month").same(Shift(-1, "year"))
    assert not Shift(1, "month").same(Shift(30, "day"))
    assert not Shift(1, "day").same(Shift(-1, "day"))


@pytest.mark.parametrize("text", ["02/29/2019", "13/01/2019", "00/10/2019", "1/02/2019", "01/02/0000", "01/02/20199"])
def test_what_is_no_date_is_not_read_as_one(text):
    assert read_date(text) is None


def test_options_are_six_different_dates_near_the_right_one_and_every_letter_is_right_equally_often():
    problems = task(test=600).load("test").problems
    letters = Counter(p.answer for p in problems)
    assert set(letters) == set("ABCDEF")
    assert min(letters.values()) > 60
    for p in problems:
        dates = [read_date(choice) for choice in p.choices]
        assert None not in dates
        assert len(set(dates)) == 6
        answer = dates["ABCDEF".index(p.answer)]
        assert p.reference.steps[-2].text.endswith(f" is {written(answer)}.")
        assert sum(abs(other - answer) < timedelta(days=400) for other in dates) >= 2


def test_the_bin_is_the_number_of_steps_without_the_final_response():
    problems = task().load("test").problems
    assert Counter(p.meta["steps"] for p in problems) == {1: 50, 2: 50, 3: 50, 4: 50}
    for p in problems:
        count = len(p.reference.steps) - 1
        assert count == p.meta["steps"]
        assert (p.bin, p.difficulty) == (("seen", "1-2") if count <= 2 else ("unseen", "3+"))


def test_a_question_says_what_its_rationale_calculates():
    for p in task().load("test").problems:
        question = read_question(p.question)
        day = question.start
        for shift, step in zip(question.shifts, p.reference.steps[1:], strict=False):
            assert f" {shift} {written(day)} is " in step.text
            day = shift.shifted(day)
        assert written(day) == p.choices["ABCDEF".index(p.answer)]


def test_options_limit_years_shifts_and_words():
    easy = task(years=[2019, 2020], units=["day"], max_days=2, styles=["numeric"], test_steps=[1, 2, 3])
    problems = [p for split in ("train", "test") for p in easy.load(split).problems]
    questions = [read_question(p.question) for p in problems]
    assert {q.start.year for q in questions} == {2019, 2020}
    assert {abs(shift.amount) for q in questions for shift in q.shifts} == {1, 2}
    assert {shift.unit for q in questions for shift in q.shifts} == {"day"}
    assert all(re.fullmatch(r"\d+/\d+/\d{4}", q.day) for q in questions)


@pytest.mark.parametrize(
    "options",
    [{"train_steps": [5]}, {"test_steps": []}, {"years": [2020, 2019]}, {"units": ["hour"]}, {"max_days": 0}],
)
def test_bad_options_are_refused(options):
    with pytest.raises(ParamsError, match=r"task\.date_understanding\.options"):
        task(**options)


@pytest.mark.parametrize(
    "question", ["", "When was the last day of 2018?", "Today is 2/30/2020. " + ASK.format("today")]
)
def test_a_question_in_other_words_cannot_be_solved(question):
    with pytest.raises(ValueError, match="not in the words"):
        solve(question, ["01/01/2020"])


def test_exactly_one_option_has_to_be_right():
    for choices in (["01/02/2020"], ["01/01/2020", "01/01/2020"]):
        with pytest.raises(ValueError, match="of the options"):
            solve("Today is 1/1/2020. " + ASK.format("today"), choices)


@pytest.mark.parametrize(
    ("text", "strict", "robust"),
    [
        ("(Final response) So the answer is (B).", True, True),
        ("(Final response) So the answer is (b).", True, True),
        ("(Final response) So the answer is B.", False, True),
        ("(Final response) So the answer is 02/01/2020.", False, True),
        ("(Final response) So the answer is (B) 02/01/2020.", True, True),
        ("(Final response) So the answer is (A).", False, False),
        ("So the answer is (A). No, the answer is (B).", True, True),
        ("(2) The date is 02/01/2020, option (B).", False, False),
        ("(B)", True, True),
        (" B.", True, True),
        ("Answer: (B)", True, True),
        ("02/01/2020", False, True),
        ("(A)", False, False),
        ("(Z)", False, False),
        ("(B)\n(B)", False, False),
        ("Because it is late", False, False),
    ],
)
def test_strict_and_robust_reading(text, strict, robust):
    [verdict] = task().check(problem(), [text])
    assert (verdict.strict_correct, verdict.correct) == (strict, robust)


@pytest.fixture
def folder(tmp_path):
    rows = [
        {"input": f"Today is {day}.", "target_scores": {f"02/{day:02d}/2020": 1, "01/01/2020": 0, "03/01/2020": 0}}
        for day in range(1, 21)
    ]
    rows.append({"input": "Broken", "target_scores": {"01/01/2020": 1, "01/02/2020": 1}, "comment": "two are right"})
    (tmp_path / "bigbench").mkdir()
    with gzip.open(tmp_path / "bigbench" / "date_understanding.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


def test_published_rows_can_be_the_test_split(folder):
    published = task(folder, test=12, test_source="bigbench")
    loaded = published.load("test")
    assert (len(loaded.problems), loaded.read) == (12, 21)
    assert loaded.dropped == {"not exactly one right option": 1}
    for p in loaded.problems:
        assert p.choices["ABC".index(p.answer)].startswith("02/")
        assert (p.reference, p.split, p.bin) == (None, "test", "unseen")
    assert {p.answer for p in loaded.problems} == {"A", "B", "C"}
    assert published.load("test") == loaded
    assert task(folder, test=12, seed=2, test_source="bigbench").load("test") != loaded
    assert published.load("train") == task(test=12).load("train")
    everything = DateUnderstanding(TaskParams(form="scripted", options={"test_source": "bigbench"}), 1, folder)
    assert len(everything.load("test").problems) == 20


def test_missing_or_too_few_published_rows_are_one_clear_error(folder, tmp_path):
    with pytest.raises(DataError, match=r"test_source is bigbench, but .*nothing has no .*set STEPWISE_DATA"):
        task(tmp_path / "nothing", test_source="bigbench").load("test")
    with pytest.raises(ParamsError, match=r"task\.date_understanding\.test: 21 problems requested.* has 20"):
        task(folder, test=21, test_source="bigbench").load("test")


@pytest.mark.data
@pytest.mark.skipif("STEPWISE_DATA" not in os.environ, reason="STEPWISE_DATA is not set")
def test_the_rows_of_big_bench():
    published = DateUnderstanding(TaskParams(form="scripted", options={"test_source": "bigbench"}), 1)
    loaded = published.load("test")
    assert (len(loaded.problems), loaded.read, loaded.dropped) == (119, 119, {})
    letters = Counter(p.answer for p in loaded.problems)
    assert len(letters) >= 5
    assert max(letters.values()) < 40
    assert {len(p.choices) for p in loaded.problems} == {5, 6}
    pairs = [(p, f"So the answer is ({p.answer}).") for p in loaded.problems]
    assert all(verdict.strict_correct and verdict.correct for verdict in published.check_many(pairs))
    generated = {p.question for split in ("train", "dev") for p in published.load(split).problems}
    assert not generated & {p.question for p in loaded.problems}
