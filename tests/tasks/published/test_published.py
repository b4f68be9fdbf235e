"""GSM8K and SVAMP: splits, validation, ids, and clear errors for bad data."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Problem
from stepwise.tasks.answers.numbers import equal_numbers
from stepwise.tasks.base import Task, example
from stepwise.tasks.formats import math_format
from stepwise.tasks.formats.program_text import program_header
from stepwise.tasks.published.published import PublishedTask
from stepwise.tasks.published.rows import DataError, find, read_rows
from stepwise.tasks.registry import get_task
from stepwise.tasks.sandbox.programs import run_programs

DATA = os.environ.get("STEPWISE_DATA")
needs_data = [pytest.mark.data, pytest.mark.skipif(not DATA, reason="STEPWISE_DATA is not set")]


def gsm8k_row(i: int) -> dict[str, str]:
    return {"question": f"Ann has {i} apples and gets {i}. How many?", "answer": f"She has {i}+{i}=<<{i}+{i}={2 * i}>>{2 * i}.\n#### {2 * i}"}  # fmt: skip # noqa: E501


def svamp_row(i: int, result: int | None = None) -> dict[str, str]:
    question = f"Bo has {i} pens and loses 1. How many?"
    body = f"    pens = {i}\n    result = pens - 1\n    return result"
    return {
        "item_id": f"svamp_{i}",
        "question": question,
        "answer_cot": program_header(question) + body,
        "answer_value": f"{i - 1 if result is None else result}.0",
    }


@pytest.fixture
def folder(tmp_path) -> Path:
    """A small copy of the data sets, in two of the layouts that are read."""
    (tmp_path / "gsm8k").mkdir()
    (tmp_path / "svamp").mkdir()
    for split, rows in (("train", range(1, 31)), ("test", range(50, 55))):
        lines = "".join(json.dumps(gsm8k_row(i)) + "\n" for i in rows)
        (tmp_path / f"gsm8k/{split}.jsonl").write_text(lines)
    train = [*(svamp_row(i) for i in range(1, 21)), svamp_row(30, result=99), svamp_row(5)]
    spoken = [
        {**svamp_row(i), "answer_cot": f"{i} - 1 = {i - 1}\n\nTherefore, the answer is <{i - 1}>."}
        for i in range(1, 15)
    ]
    (tmp_path / "svamp/svamp_python_sdp.json").write_text(json.dumps(train))
    (tmp_path / "svamp/svamp_nl.json").write_text(json.dumps(spoken))
    test = [{k: v for k, v in svamp_row(i).items() if k != "answer_cot"} for i in range(100, 104)]
    with gzip.open(tmp_path / "svamp/svamp_test_set.jsonl.gz", "wt") as out:
        out.writelines(json.dumps(row) + "\n" for row in test)
    return tmp_path


def make(name: str, data: Path | None, form: str = "p_cot", seed: int = 1, **counts: int) -> Task:
    return get_task(name, TaskParams(form=form, **{"dev": 4, **counts}), seed=seed, data=data)


def ids(problems: list[Problem]) -> set[str]:
    return {problem.id for problem in problems}


@pytest.mark.parametrize("form", ["n_cot", "p_cot"])
@pytest.mark.parametrize("name", ["gsm8k", "svamp"])
def test_splits_are_apart_and_references_check(folder, name, form):
    task = make(name, folder, form)
    assert isinstance(task, Task)
    train, dev, test = (task.load(split).problems for split in ("train", "dev", "test"))
    assert len(dev) == 4
    assert not ids(train) & ids(dev)
    assert {problem.split for problem in dev} == {"dev"}
    assert {problem.split for problem in train} == {"train"}
    assert all(problem.reference is None and problem.split == "test" for problem in test)
    pairs = [(problem, problem.reference.text) for problem in train + dev if problem.reference]
    assert len(pairs) == len(train + dev)
    assert all(verdict.correct and verdict.strict_correct for verdict in task.check_many(pairs))
    text = "".join(span.text for span in example(task, train[0]).spans)
    assert train[0].question in text
    assert all(not verdict.correct for verdict in task.check(test[0], ["", "    return -1"]))


def test_the_draw_depends_on_the_seed_alone(folder):
    dev = make("gsm8k", folder).load("dev").problems
    assert dev == make("gsm8k", folder).load("dev").problems
    assert ids(dev) != ids(make("gsm8k", folder, seed=2).load("dev").problems)
    few = make("gsm8k", folder, train=6, test=2)
    assert ids(few.load("dev").problems) == ids(dev)
    assert len(few.load("train").problems) == 6
    assert not ids(few.load("train").problems) & ids(dev)
    assert len(few.load("test").problems) == 2


def test_references_that_do_not_check_are_counted(folder):
    loaded = make("svamp", folder).load("train")
    assert loaded.read == 22
    assert loaded.dropped == {"reference does not give the answer": 1, "id occurs twice": 1}
    rows = [gsm8k_row(1), {"question": "q", "answer": "no mark"}, {"question": "q", "answer": "5\n#### 5"}]
    rows += [{"question": "q", "answer": "<<2+2=4>>4\n#### 7"}] + [gsm8k_row(i) for i in range(2, 9)]
    (folder / "gsm8k/train.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    loaded = make("gsm8k", folder).load("dev")
    assert loaded.dropped == {
        "answer is not a number": 1,
        "no calculator marks": 1,
        "calculator marks do not give the answer": 1,
    }
    assert ids(make("gsm8k", folder).load("train").problems) <= {f"gsm8k_train_{i}" for i in (0, *range(4, 11))}
    assert make("gsm8k", folder, "n_cot").load("dev").dropped == {"answer is not a number": 1}


def test_the_test_file_is_not_needed_to_train(folder):
    (folder / "gsm8k/test.jsonl").unlink()
    assert make("gsm8k", folder).load("train").problems
    with pytest.raises(DataError, match=r"test\.jsonl.*make data"):
        make("gsm8k", folder).load("test")


def test_a_missing_folder_names_the_remedy(tmp_path, monkeypatch):
    monkeypatch.delenv("STEPWISE_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"data/raw.*STEPWISE_DATA"):
        make("gsm8k", None).load("train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question": "q", "answer": "#### 1"}\n{"question": \n', "line 2"),
        ('{"question": "q"}\n', "line 1: no text under answer"),
        ("[1, 2]", "item 1: not an object"),
        ("", "empty"),
        ("[{]", "line 1"),
        (b"\xff\xfe", "damaged"),
    ],
)
def test_broken_files_are_named_with_the_line(folder, content, message):
    path = folder / "gsm8k/train.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message) as caught:
        make("gsm8k", folder).load("train")
    assert str(path) in str(caught.value)
    assert "make data" in str(caught.value)


def test_a_cut_archive_is_named(folder):
    path = folder / "svamp/svamp_test_set.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-12])
    with pytest.raises(DataError, match="damaged"):
        make("svamp", folder).load("test")


def test_bad_parameters_are_refused(folder):
    with pytest.raises(ParamsError, match=r"gsm8k\.form"):
        make("gsm8k", folder, "scripted")
    with pytest.raises(ParamsError, match=r"task\.gsm8k\.dev: 31 .* has 30"):
        make("gsm8k", folder, dev=31).load("train")
    with pytest.raises(ParamsError, match=r"task\.svamp\.train"):
        make("svamp", folder, train=100).load("train")
    with pytest.raises(ParamsError, match="unknown option"):
        get_task("svamp", TaskParams(form="p_cot", options={"noise": 1}), seed=1, data=folder)


class TestRealData:
    pytestmark = needs_data

    @pytest.fixture(scope="class")
    def data(self) -> Path:
        return Path(str(DATA))

    def test_every_svamp_program_runs_to_its_gold(self, data):
        path = find(data, ("svamp/svamp_python_sdp", "reft/svamp_python_sdp"))
        rows = read_rows(path, ("answer_cot", "answer_value"))
        outcomes = run_programs([row["answer_cot"] for row in rows])
        golds = [math_format.gold_number(row["answer_value"]) for row in rows]
        assert len(rows) == 3043
        assert all(abs(outcome.value - gold) <= 1e-2 for outcome, gold in zip(outcomes, golds, strict=True))
        assert {outcome.isolation for outcome in outcomes} == {"evaluator"}

    @pytest.mark.parametrize(
        ("name", "form", "read", "kept", "dropped"),
        [
            ("svamp", "p_cot", 3043, 3043, {}),
            ("svamp", "n_cot", 3076, 3073, {"rationale says another answer": 3}),
            ("gsm8k", "n_cot", 7473, 7473, {}),
            ("gsm8k", "p_cot", 7473, 7014, {"calculator marks do not give the answer": 364, "no calculator marks": 95}),
        ],
    )
    def test_counts_of_training_and_test(self, data, name, form, read, kept, dropped):
        task = make(name, data, form, dev=200)
        train, dev, test = task.load("train"), task.load("dev"), task.load("test")
        assert train.read == dev.read == read
        assert len(train.problems) + len(dev.problems) == kept
        assert train.dropped == dropped
        assert len(test.problems) == test.read == {"svamp": 1000, "gsm8k": 1319}[name]
        assert test.dropped == {}
        assert len(ids(train.problems + dev.problems + test.problems)) == kept + test.read

    def test_original_program_texts_are_what_prompt_and_reference_make(self, data):
        task = make("svamp", data)
        assert isinstance(task, PublishedTask)
        path = find(data, ("svamp/svamp_python_sdp", "reft/svamp_python_sdp"))
        original = {row["item_id"]: row["answer_cot"] for row in read_rows(path, ("answer_cot",))}
        same = Counter(
            task.prompt(problem)[1] + problem.reference.text == original[problem.id]
            for problem in task.load("train").problems
            if problem.reference
        )
        assert same[True] > 0.98 * same.total()

    def test_programs_of_gsm_hard_run_to_their_targets_mostly_without_a_process(self, data):
        rows = read_rows(find(data, ("gsm8k_programs/gsm_hard",)), ("code",))
        outcomes = run_programs([row["code"] for row in rows])
        values = [math_format.robust_value(outcome.value) for outcome in outcomes]
        assert all(equal_numbers(value, row["target"]) for value, row in zip(values, rows, strict=True))
        assert sum(outcome.isolation == "evaluator" for outcome in outcomes) > 0.99 * len(rows)
