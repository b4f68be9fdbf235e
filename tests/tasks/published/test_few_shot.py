"""Few-shot examples: solved in steps, sound, and never from dev or test."""

from __future__ import annotations

from collections import Counter

import pytest

from stepwise.params import TaskParams
from stepwise.records import Problem
from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.published.few_shot import hand_written_shots
from stepwise.tasks.registry import get_task

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
    letters = Counter(problem.answer for problem in make("mmlu_pro", tmp_path).hand_written())
    assert letters.keys() == set("ABCDE")


def question(name, field=""):
    return Problem(id="q", task=name, split="test", question="?", answer="A", difficulty=field)


def test_examples_do_not_depend_on_the_data_where_they_are_hand_written(tmp_path):
    task = make("proofwriter", tmp_path)

    def chosen(count, seed=1, field=""):
        return hand_written_shots(task, count, seed)(question("proofwriter", field))

    assert len(chosen(3)) == 3
    assert chosen(3) == chosen(3)
    assert chosen(99)[:3] == chosen(3)
    assert len(chosen(99)) == 6
    assert any(chosen(3, seed) != chosen(3) for seed in range(2, 6))
    assert all(chosen(3, field=problem.difficulty) == chosen(3) for problem in task.hand_written())


def test_the_field_of_the_question_comes_first(tmp_path):
    task = make("mmlu_pro", tmp_path, dev=4)
    held_out = {problem.id for problem in task.load("dev").problems}
    chosen = hand_written_shots(task, 5, seed=1)(question("mmlu_pro", "law"))
    laws = [problem.id for problem in task.hand_written() if problem.difficulty == "law" and problem.id not in held_out]
    assert laws
    assert [problem.difficulty == "law" for problem in chosen] == [True] * len(laws) + [False] * (5 - len(laws))
    everything = hand_written_shots(task, 99, seed=1)(question("mmlu_pro", "law"))
    assert not held_out & {problem.id for problem in everything}


def test_a_task_with_solved_training_problems_has_none_of_its_own(tmp_path):
    assert hand_written_shots(make("ecqa", tmp_path), 3, seed=1) is None
    assert hand_written_shots(make("math", tmp_path), 3, seed=1) is None
