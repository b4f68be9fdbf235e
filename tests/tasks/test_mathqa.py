"""MathQA with and without options: which rows training may use, the gold answers, and the counts of the real files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from stepwise.params import TaskParams
from stepwise.tasks.base import Task, example
from stepwise.tasks.registry import get_task

OPTIONS = "a ) 2 , b ) 4 , c ) 6 , d ) 8 , e ) none of these"


def dev_row(question: str, rationale: str, correct: str, options: str = OPTIONS) -> dict[str, str]:
    return {"Problem": question, "Rationale": rationale, "options": options, "correct": correct}


def program_row(number: int, question: str, body: str, correct: str, options: str = OPTIONS) -> dict[str, str]:
    code = f'import math\ndef solution():\n    """{question} """\n{body}'
    return {
        "item_id": f"mathqa_dev_{number}",
        "question": question,
        "options": options,
        "answer_cot": code,
        "answer_mcq": correct,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Rows that are kept, and one for every reason to drop one."""
    base = tmp_path / "mathqa"
    base.mkdir()
    tests = [("mathqa_0", "what is 1 + 1 ?", "a", "2.0"), ("mathqa_2", "what is 2 x 4 ?", "d", "8.0")]
    (base / "mathqa_test_set.json").write_text(
        json.dumps([{"item_id": i, "question": f"{q}\n{OPTIONS}", "answer_value": a} for i, q, a, _ in tests])
    )
    (base / "mathqa-numeric_test_set.json").write_text(
        json.dumps(
            [{"item_id": i.replace("qa", "qa-numeric"), "question": q, "answer_value": v} for i, q, _, v in tests]
        )
    )
    rows = [
        dev_row("how much is 2 + 2 ?", '"2 + 2 = 4 . answer : b ."', "b"),
        dev_row("what is 1 + 1", "1 + 1 = 2 . answer a", "a"),  # in the test set but for the sign
        dev_row("how much is 2 + 2  ?", "2 + 2 = 4 answer b", "b"),
        dev_row("how much is 3 + 3 ?", "3 + 3 = 6 so the answer is d", "c"),
        dev_row("how much is 4 + 4 ?", "answer : d", "d"),
        dev_row("is it so ?", "it is not , so none fits . correct option is e", "e"),
        dev_row("how much is 5 - 3 ?", "take 3 away . answer a", "a"),
        dev_row("how much is 9 - 3 ?", "9 - 3 = 6 . answer c", "c", "a ) 2 , b ) 4"),
        dev_row("how much is 7 - 1 ?", "7 - 1 = 6 . answer is c", "c"),
    ]
    (base / "dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    programs = [
        program_row(0, "how much is 2 + 2 ?", "    t0 = 2 + 2\n    result = t0\n    return result", "b"),
        program_row(1, "what is 1 + 1", "    return 1 + 1", "a"),
        program_row(3, "how much is 3 + 3 ?", "    return 3 + 4", "c"),
        program_row(4, "how long is it ?", "    return math.sqrt(36.36)", "c"),  # 6.03: option c, but not 6
        program_row(8, "how much is 7 - 1 ?", "    return 7 - 1", "c"),
    ]
    (base / "derived_programs_dev.jsonl").write_text("".join(json.dumps(row) + "\n" for row in programs))
    return tmp_path


def make(name: str, folder: Path, form: str, dev: int = 1) -> Task:
    return get_task(name, TaskParams(form=form, dev=dev), seed=1, data=folder)


ALWAYS = {
    "question is in the test set": 1,
    "question occurs twice": 1,
    "options cannot be read": 1,
    "rationale says another answer": 1,
}


@pytest.mark.parametrize(
    ("name", "form", "kept", "dropped"),
    [
        ("mathqa", "n_cot", {0, 5, 6, 8}, {**ALWAYS, "rationale is only an answer": 1}),
        (
            "mathqa_numeric",
            "n_cot",
            {0, 8},
            {**ALWAYS, "answer is not a number": 1, "rationale does not reach the answer": 2},
        ),
        ("mathqa", "p_cot", {0, 4, 8}, {"question is in the test set": 1, "reference does not give the answer": 1}),
        (
            "mathqa_numeric",
            "p_cot",
            {0, 8},
            {"question is in the test set": 1, "reference does not give the answer": 2},
        ),
    ],
)
def test_every_dropped_row_has_its_reason(folder, name, form, kept, dropped):
    task = make(name, folder, form)
    assert isinstance(task, Task)
    train, dev = task.load("train"), task.load("dev")
    assert {problem.id for problem in train.problems + dev.problems} == {f"mathqa_dev_{number}" for number in kept}
    assert train.dropped == dropped
    assert train.read == sum(dropped.values()) + len(kept)
    pairs = [(problem, problem.reference.text) for problem in train.problems if problem.reference]
    assert all(verdict.correct for verdict in task.check_many(pairs))


def test_the_texts_of_a_choice_problem(folder):
    task = make("mathqa", folder, "n_cot", dev=3)
    problems = task.load("train").problems + task.load("dev").problems
    problem = next(problem for problem in problems if problem.id == "mathqa_dev_0")
    assert [span.text for span in example(task, problem).spans] == [
        f"Question:\nhow much is 2 + 2 ?\n{OPTIONS}\nAnswer reasoning:\n",
        "2 + 2 = 4\nTherefore, the answer is: b",
    ]
    assert problem.choices == ("2", "4", "6", "8", "none of these")
    test = task.load("test").problems
    assert [(problem.id, problem.answer, problem.split, problem.reference) for problem in test] == [
        ("mathqa_0", "a", "test", None),
        ("mathqa_2", "d", "test", None),
    ]
    header = make("mathqa", folder, "p_cot").prompt(test[0])[1]
    assert header == f'def solution():\n    """what is 1 + 1 ?\n{OPTIONS}"""\n'


def test_numbers_are_the_answers_where_options_are_not_shown(folder):
    task = make("mathqa_numeric", folder, "n_cot")
    assert [(problem.id, problem.answer) for problem in task.load("test").problems] == [
        ("mathqa-numeric_0", "2"),
        ("mathqa-numeric_2", "8"),
    ]
    train = task.load("train").problems + task.load("dev").problems
    assert not any("answer : b" in problem.reference.text or OPTIONS in problem.question for problem in train)
    problem = task.load("test").problems[1].model_copy(update={"answer": "0.036"})
    close, far = (f"x{chr(10)}Therefore, the answer is: {number}" for number in ("0.0359", "0.03"))
    verdicts = task.check(problem, [close, far, "no number"])
    assert [(verdict.strict_correct, verdict.correct) for verdict in verdicts] == [
        (True, True),
        (True, False),
        (False, False),
    ]
    assert verdicts[2].answer is None


def test_completions_are_parsed(folder):
    spoken, coded = make("mathqa", folder, "n_cot"), make("mathqa", folder, "p_cot")
    assert spoken.parse("one\ntwo\nTherefore, the answer is: c").answer == "c"
    assert [step.text for step in spoken.parse("one\ntwo\nTherefore, the answer is: c").steps] == ["one", "two"]
    assert [coded.parse(text).answer for text in ("    return 6.0", "    return 'B'", "    return x", "")] == [
        "6",
        "b",
        None,
        None,
    ]


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "form", "read", "kept", "dropped"),
    [
        (
            "mathqa",
            "n_cot",
            4475,
            4439,
            {
                "question is in the test set": 9,
                "question occurs twice": 17,
                "rationale says another answer": 1,
                "rationale is only an answer": 9,
            },
        ),
        (
            "mathqa",
            "p_cot",
            2708,
            2662,
            {"question is in the test set": 8, "question occurs twice": 13, "reference does not give the answer": 25},
        ),
        (
            "mathqa_numeric",
            "n_cot",
            4475,
            4062,
            {
                "question is in the test set": 9,
                "question occurs twice": 17,
                "rationale says another answer": 1,
                "answer is not a number": 102,
                "rationale does not reach the answer": 284,
            },
        ),
        (
            "mathqa_numeric",
            "p_cot",
            2708,
            2507,
            {
                "question is in the test set": 8,
                "question occurs twice": 13,
                "answer is not a number": 13,
                "reference does not give the answer": 167,
            },
        ),
    ],
)
def test_counts_of_the_real_files(name, form, read, kept, dropped):
    task = make(name, Path(os.environ["STEPWISE_DATA"]), form, dev=200)
    train, dev, test = task.load("train"), task.load("dev"), task.load("test")
    assert train.read == read
    assert train.dropped == dropped
    assert len(train.problems) + len(dev.problems) == kept
    assert len(test.problems) == test.read == 1605
    assert test.dropped == {}
