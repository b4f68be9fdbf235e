"""From a task to files of problems: counts, overlap, and the error for an empty split."""

import pytest

from stepwise.params import LimitParams, ModelParams, ParamsError, TaskParams
from stepwise.records import Problem, read_jsonl
from stepwise.tasks.base import Loaded, gold_examples
from stepwise.tasks.preparation.prepare import EmptySplitError, prepare
from stepwise.tasks.registry import get_task


def task(**sizes):
    params = TaskParams(form="p_cot", **({"train": 12, "dev": 4, "test": 6} | sizes))
    return get_task("word_problems", params, seed=3)


def test_writes_three_files_of_problems_and_counts_them(tmp_path):
    counts = prepare(task(), tmp_path / "out")
    assert {split: counts[f"{split}.kept"] for split in ("train", "dev", "test")} == {"train": 12, "dev": 4, "test": 6}
    for split in ("train", "dev", "test"):
        problems = read_jsonl(tmp_path / "out" / f"{split}.jsonl", Problem)
        assert len(problems) == counts[f"{split}.kept"]
        assert {problem.split for problem in problems} == {split}


def test_only_the_first_training_problems_keep_their_solutions(tmp_path):
    counts = prepare(task(), tmp_path / "out", references=5)
    train, dev = (read_jsonl(tmp_path / "out" / f"{split}.jsonl", Problem) for split in ("train", "dev"))
    assert [problem.reference is not None for problem in train] == [True] * 5 + [False] * 7
    assert all(problem.reference for problem in dev)
    assert counts["train.with_reference"] == 5
    assert [example.id for example in gold_examples(task(), train)] == [problem.id for problem in train[:5]]
    with pytest.raises(ParamsError, match=r"none of 7 problems of word_problems has a reference.*references"):
        gold_examples(task(), train[5:])


def test_overlap_of_train_and_test_is_counted(tmp_path):
    leaky = task()
    trained = leaky.load("train").problems
    load = leaky.load
    leaky.load = lambda split: (
        Loaded([p.model_copy(update={"split": "test"}) for p in trained[:2]], read=2)
        if (split == "test")
        else load(split)
    )
    assert prepare(leaky, tmp_path / "out")["overlap.exact"] == 2


def test_an_empty_split_is_named_and_nothing_is_left(tmp_path):
    empty = task()
    load = empty.load
    empty.load = lambda split: Loaded([], read=9, dropped={"odd": 9}) if split == "dev" else load(split)
    with pytest.raises(EmptySplitError, match=r"word_problems: the split dev is empty \(9 rows read.*odd"):
        prepare(empty, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_model_that_learns_slower_has_more_epochs_within_the_limit():
    slow = ModelParams(source="shipped", warm_up_factor=4).warmed_up(TaskParams(form="p_cot", warm_up_epochs=3))
    assert slow.warm_up_epochs == 12
    assert LimitParams(epochs=1).cap(slow).warm_up_epochs == 1


def test_caps_of_a_scale_hold_for_every_count():
    capped = LimitParams(train=5, dev=3, new_tokens=40).cap(TaskParams(form="p_cot", train=0, dev=9, test=7))
    assert (capped.train, capped.dev, capped.test, capped.max_new_tokens) == (5, 3, 7, 40)
