"""Examples to show: solved in steps, sound, and never of dev or test."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from stepwise.params import TaskParams
from stepwise.records import Problem
from stepwise.tasks import get_task
from stepwise.tasks.named_option import LETTERS
from stepwise.tasks.shots import shots

COUNTS = {"arc_challenge": 8, "hellaswag": 8, "proofwriter": 6, "mmlu_pro": 28}


def make(name, data, dev=2):
    return get_task(name, TaskParams(form="n_cot", dev=dev), seed=1, data=data)


@pytest.mark.parametrize("name", COUNTS)
def test_hand_written_problems_are_sound(name, tmp_path):
    task = make(name, tmp_path)
    problems = task.hand_written()
    assert len(problems) == COUNTS[name]
    assert len({problem.question for problem in problems}) == len(problems)
    for problem in problems:
        assert problem.answer in LETTERS[: len(problem.choices)]
        assert problem.reference.steps
        (verdict,) = task.check(problem, [problem.reference.text])
        assert verdict.correct
        assert verdict.strict_correct
    assert max(Counter(problem.answer for problem in problems).values()) <= len(problems) / 2


def test_no_answer_is_given_away_by_its_letter_alone(tmp_path):
    letters = Counter(one.answer for one in make("mmlu_pro", tmp_path).hand_written())
    assert letters.keys() == set("ABCDE")


def test_examples_do_not_depend_on_the_data_where_they_are_hand_written(tmp_path):
    task = make("proofwriter", tmp_path)
    chosen = shots(task, 3, seed=1)
    assert len(chosen) == 3
    assert shots(task, 3, seed=1) == chosen
    assert shots(task, 99, seed=1)[:3] == chosen
    assert len(shots(task, 99, seed=1)) == 6
    assert any(shots(task, 3, seed=seed) != chosen for seed in range(2, 6))


def test_the_field_of_the_question_comes_first(tmp_path):
    task = make("mmlu_pro", tmp_path, dev=4)
    held_out = {one.id for one in task.load("dev").problems}
    question = Problem(id="q", task="mmlu_pro", split="test", question="?", answer="A", difficulty="law")
    chosen = shots(task, 5, seed=1, like=question)
    laws = [one.id for one in task.hand_written() if one.difficulty == "law" and one.id not in held_out]
    assert [one.difficulty == "law" for one in chosen] == [True] * len(laws) + [False] * (5 - len(laws))
    assert not held_out & {one.id for one in shots(task, 99, seed=1)}


def test_training_problems_are_drawn_by_the_seed(tmp_path):
    (tmp_path / "gsm8k").mkdir()
    rows = [{"question": f"Ann has {i}?", "answer": f"She has {i}.\n#### {i}"} for i in range(9)]
    (tmp_path / "gsm8k/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    task = make("gsm8k", tmp_path)
    held_out = {one.id for one in task.load("dev").problems}
    chosen = shots(task, 4, seed=3)
    assert [one.id for one in shots(task, 4, seed=3)] == [one.id for one in chosen]
    assert not held_out & {one.id for one in chosen}
    hard = Problem(id="q", task="gsm8k", split="test", question="?", answer="1", difficulty="3 steps")
    assert shots(task, 4, seed=3, like=hard) == chosen
