"""Moral Stories: what a story looks like, how its published norms are mended, and what counts as agreement."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from stepwise.params import TaskParams
from stepwise.tasks.base import Task, example
from stepwise.tasks.formats import norm_format
from stepwise.tasks.moral_stories import story_of
from stepwise.tasks.published.rows import DataError
from stepwise.tasks.published.story_rows import StoryRow, mended, read_story_rows
from stepwise.tasks.registry import get_task

DATA = os.environ.get("STEPWISE_DATA")
TAKE_CARE = StoryRow(
    id="care",
    situation="Kim owns a  dog.",
    intention="Kim wants to travel.",
    immoral_action='"Kim leaves the dog with ""no food""."',
    moral_action="Kim asks Ann to feed the dog.",
    norm="it's important to be honest with Ann about pets",
    norm_sentiment=1,
    norm_action="being honest with Ann about pets.",
    anti_norm="It's wrong to be honest with Ann about pets.",
    other_norms=[
        "It is good to be honest with ann about pets.",
        "You must be honest with ann about pets.",
        "It's crucial to be honest with Ann about pets",
        "It's important to be honorable with Ann about pets",
        "It's important to be honest with Ann about pets.",
    ],
    other_anti_norms=[
        "You mustn't be honest with ann about pets.",
        "It's important to be dishonest with Ann about pets.",
        "It's unnecessary to be honest with Ann about pets.",
        "It's important to be short with Ann about pets.",
        "You should be honest with Ann about pets.",
    ],
    fake_norms=["it is rude to own a dog", "you should travel", "you must be honest with Ann about pets"],
    fake_norm_sentiments=[-1, 1, 1],
)


@pytest.fixture
def folder(tmp_path) -> Path:
    """Ten stories to train on and two to test on, under both names by which the files are known."""
    put(tmp_path / "refiner/moral_stories_critic_dev_prep.jsonl.gz", [story(f"s{i}") for i in range(10)])
    put(tmp_path / "moral_stories/critic_test_prep.jsonl.gz", [story(f"s{i}") for i in range(50, 52)])
    return tmp_path


def story(name: str, **changes: str) -> dict[str, object]:
    return TAKE_CARE.model_copy(update={"id": name, **changes}).model_dump()


def put(path: Path, stories: list[dict[str, object]]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(gzip.compress("\n".join(map(json.dumps, stories)).encode()))


def make(data: Path | None, **counts: int) -> Task:
    return get_task("moral_stories", TaskParams(form="n_cot", **{"dev": 2, **counts}), seed=1, data=data)


def test_every_defect_is_mended_and_counted():
    row, defects = mended(TAKE_CARE)
    assert row.situation == "Kim owns a dog."
    assert row.immoral_action == 'Kim leaves the dog with "no food".'
    assert row.norm == "It's important to be honest with Ann about pets."
    assert row.other_norms == [
        "It is good to be honest with Ann about pets.",
        "You must be honest with Ann about pets.",
        "It's crucial to be honest with Ann about pets.",
    ]
    assert row.other_anti_norms == [
        "It's wrong to be honest with Ann about pets.",
        "You mustn't be honest with Ann about pets.",
        "It's important to be dishonest with Ann about pets.",
        "It's unnecessary to be honest with Ann about pets.",
    ]
    assert row.fake_norms == ["It is rude to own a dog.", "You should travel."]
    assert row.fake_norm_sentiments == [-1, 1]
    assert defects == {
        "quoted as in a CSV file": 1,
        "repeated blanks": 1,
        "norm without a capital or a full stop": 1,
        "doubtful synonym": 1,
        "doubtful antonym": 1,
        "norm occurs twice": 3,  # a paraphrase is the norm; a contradiction and an unrelated norm are paraphrases
    }
    assert mended(row) == (row, {"norm occurs twice": 1})  # the anti norm, which is now among the contradictions


def test_blame_of_the_opposite_is_no_contradiction():
    anti = {
        "anti_norm": "It's wrong to not be honest with Ann about pets.",
        "other_anti_norms": ["It's bad to not be honest with Ann about pets."],
    }
    row, defects = mended(TAKE_CARE.model_copy(update=anti))
    assert row.other_anti_norms == []
    assert defects["double negation"] == 2
    blaming = {"norm": "You shouldn't lie.", "norm_action": "lying.", "norm_sentiment": -1, "other_norms": []}
    row, defects = mended(
        TAKE_CARE.model_copy(update={**blaming, "anti_norm": "It's not wrong to lie.", "other_anti_norms": []})
    )
    assert row.other_anti_norms == ["It's not wrong to lie."]
    assert not defects["double negation"]


def test_splits_are_apart_and_every_problem_has_a_reference(folder):
    task = make(folder)
    assert isinstance(task, Task)
    train, dev, test = (task.load(split).problems for split in ("train", "dev", "test"))
    assert (len(train), len(dev), len(test)) == (8, 2, 2)
    assert not {problem.id for problem in train} & {problem.id for problem in dev}
    assert [problem.split for problem in (train[0], dev[0], test[0])] == ["train", "dev", "test"]
    prompt, solution = example(task, test[0]).spans
    assert prompt.text == (
        "Situation: Kim owns a dog.\nIntention: Kim wants to travel.\n"
        'Immoral action: Kim leaves the dog with "no food".\nNorm and moral action:\n'
    )
    assert solution.text == "It's important to be honest with Ann about pets. | Kim asks Ann to feed the dog."
    assert test[0].answer == "Kim asks Ann to feed the dog."
    assert not any(stop in solution.text for stop in task.stop)
    assert story_of(test[0]) == mended(TAKE_CARE)[0].model_copy(update={"id": "s50"})


@pytest.mark.parametrize(
    ("text", "strict", "robust"),
    [
        ("It's important to be honest with Ann about pets. | Kim asks Ann to feed the dog.", True, True),
        ("It's important to be honest with Ann about pets. | Kim stays at home.", False, True),
        ("it is important to be honest with ann about pets", False, True),
        ("You should be honest with Ann about pets! | x", False, True),
        ("You shouldn't be honest with Ann about pets. | Kim asks Ann to feed the dog.", False, False),
        ("You should travel. | Kim asks Ann to feed the dog.", False, False),
        ("Kim asks Ann to feed the dog. | It's important to be honest with Ann about pets.", False, False),
        ("| Kim asks Ann to feed the dog.", False, False),
        ("", False, False),
    ],
)
def test_agreement_with_the_gold(folder, text, strict, robust):
    task = make(folder)
    [verdict] = task.check(task.load("test").problems[0], [text])
    assert (verdict.strict_correct, verdict.correct) == (strict, robust)


def test_a_completion_is_a_norm_and_an_action():
    solution = norm_format.solution(" Be kind. |  Ann helps. \nmore | text")
    assert ([step.text for step in solution.steps], solution.answer) == (["Be kind."], "Ann helps.")
    assert norm_format.solution("Be kind.").answer is None
    assert norm_format.solution("").steps == ()


def test_a_norm_with_a_bar_is_dropped_and_counted(folder):
    stories = [story("s0"), story("s1"), story("s2", norm="Be kind | or not.")]
    put(folder / "refiner/moral_stories_critic_dev_prep.jsonl.gz", stories)
    loaded = make(folder, dev=1).load("train")
    assert (loaded.read, len(loaded.problems)) == (3, 1)
    assert loaded.dropped == {"norm or action cannot be told apart": 1}


def test_missing_data_is_one_clear_error(tmp_path):
    with pytest.raises(DataError, match=r"moral_stories_critic_dev_prep.*STEPWISE_DATA"):
        make(tmp_path).load("train")


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="STEPWISE_DATA is not set")
class TestRealData:
    def test_the_stories_are_split_four_to_one_and_none_is_dropped(self):
        task = make(Path(str(DATA)), dev=200)
        loaded = {split: task.load(split) for split in ("train", "dev", "test")}
        assert {split: len(part.problems) for split, part in loaded.items()} == {"train": 800, "dev": 200, "test": 1000}
        assert not any(part.dropped for part in loaded.values())
        assert len({problem.id for part in loaded.values() for problem in part.problems}) == 2000
        assert len({problem.question for part in loaded.values() for problem in part.problems}) == 2000

    @pytest.mark.parametrize("part", ["dev", "test"])
    def test_the_generator_files_hold_the_same_stories(self, part):
        folder = Path(str(DATA)) / "refiner"
        with gzip.open(folder / f"moral_stories_actor_{part}.jsonl.gz", "rt") as lines:
            actors = [json.loads(line) for line in lines]
        stories = read_story_rows(folder / f"moral_stories_critic_{part}_prep.jsonl.gz")
        for actor, story in zip(actors, stories, strict=True):
            marked = (
                "<|SIT|>",
                story.situation,
                "<|INT|>",
                story.intention,
                "<|I_ACT|>",
                story.immoral_action,
                "<|NRM|>",
            )
            assert actor["actor_input"] == " ".join(marked)
            assert actor["actor_output"] == f"{story.norm} <|M_ACT|> {story.moral_action}"

    @pytest.mark.parametrize(
        ("part", "counts"),
        [("dev", (1425, 435, 202, 70, 60, 22, 20)), ("test", (1254, 400, 216, 74, 52, 20, 15))],
    )
    def test_counts_of_what_is_mended(self, part, counts):
        path = Path(str(DATA)) / f"refiner/moral_stories_critic_{part}_prep.jsonl.gz"
        defects = sum((mended(row)[1] for row in read_story_rows(path)), Counter())
        doubtful = ("doubtful synonym", "doubtful antonym", "double negation")
        spelling = ("norm without a capital or a full stop", "norm occurs twice", "repeated blanks")
        assert tuple(defects[name] for name in (*doubtful, *spelling, "quoted as in a CSV file")) == counts
