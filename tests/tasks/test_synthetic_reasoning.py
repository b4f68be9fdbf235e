"""Synthetic reasoning: problems worked by hand, the published problems, and the reading of conclusions."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Problem
from stepwise.tasks.formats.numbered_inference import read_steps
from stepwise.tasks.generated.rule_inference import answer, explanation
from stepwise.tasks.generated.rule_lexicon import ATTRIBUTES, WORDS
from stepwise.tasks.generated.rule_questions import Question, QuestionError, Rule, read_question
from stepwise.tasks.synthetic_reasoning import SyntheticReasoning

DAN = """\
If Dan is young, then Dan is sad. If Dan is scary, then Dan is hot. If person is purple or small, then person is \
beautiful. If Dan is clean, then Dan is green. If Dan is bad and cold, then Dan is soft. Fact: Dan is tiny and cool.
The following can be determined about Dan:"""
HASHES = {
    "easy": "8e41f6d60de482d5abdd183ddf973316d233349ad2cdcc7387d07ba85438c158",
    "medium": "b551bb880d44de1e38823202e7d562c0564d66144d91de9bf690aa8d17fbec26",
    "hard": "71de1549c2c943a40d13ab974af6acb25640a347878b90cc898097e51e120006",
}
"""SHA-256 of the published training problems and their solutions."""


def task(level="hard", source="generated", train=300, dev=100, test=300, seed=3):
    options = {"level": level, "source": source}
    params = TaskParams(form="scripted", train=train, dev=dev, test=test, options=options)
    return SyntheticReasoning(params, seed=seed)


def question(*rules, subject="poppy", words=("huge", "old")):
    return Question(subject, tuple(Rule(*rule) for rule in rules), words)


def test_a_question_reads_as_its_parts():
    read = read_question(DAN)
    assert (read.subject, read.category, read.attributes) == ("Dan", "person", {"small": "tiny", "cold": "cool"})
    assert read.rules[2] == Rule("person", ("purple", "small"), "or", "beautiful")
    assert read.rules[4] == Rule("Dan", ("bad", "cold"), "and", "soft")
    assert read.fired == (read.rules[2],)
    assert read.text == DAN


def test_articles():
    text = question(("elephant", ("big",), "", "old"), ("animal", ("old", "red"), "or", "sad"), subject="elephant").text
    assert text.splitlines()[0] == (
        "If an elephant is big, then the elephant is old. If an animal is old or red, then the animal is sad. "
        "Fact: The elephant is huge and old."
    )


@pytest.mark.parametrize(
    "damage", [("Fact: ", ""), ("tiny", "shiny"), ("Fact: Dan", "Fact: Ted"), (" or ", " nor "), ("Dan:", "Dan: sad")]
)
def test_other_text_is_no_question(damage):
    with pytest.raises(QuestionError):
        read_question(DAN.replace(*damage))


def test_an_explanation_worked_by_hand():
    read = read_question(DAN)
    assert explanation(read) == ["tiny is small", "Dan is person", "Dan is small", "Dan is beautiful"]
    assert answer(read) == "Dan is beautiful"


@pytest.mark.parametrize(
    ("rules", "steps", "conclusion"),
    [
        ([("poppy", ("old",), "", "sad")], "poppy is old; poppy is sad", "The poppy is sad"),
        ([("poppy", ("big",), "", "sad")], "huge is big; poppy is sad", "The poppy is sad"),
        ([("plant", ("old",), "", "sad")], "poppy is plant; poppy is old; poppy is sad", "The poppy is sad"),
        (
            [("plant", ("big", "old"), "and", "sad")],
            "huge is big; poppy is plant; poppy is big; poppy is old; poppy is sad",
            "The poppy is sad",
        ),
        (
            [("plant", ("big",), "", "sad"), ("plant", ("old", "red"), "or", "hot")],
            "huge is big; poppy is plant; poppy is big; poppy is old; poppy is sad and hot",
            "The poppy is sad and hot",
        ),
        ([("poppy", ("old", "red"), "and", "sad")], "The argument is invalid!!", "Nothing"),
        ([("poppy", ("old",), "", "big")], "The argument is invalid!!", "Nothing"),
    ],
    ids=["plain", "synonym", "class", "and", "two rules", "half a condition", "no news"],
)
def test_explanations_of_single_rules(rules, steps, conclusion):
    puzzle = question(*rules)
    assert explanation(puzzle) == steps.split("; ")
    assert answer(puzzle) == conclusion


@pytest.mark.parametrize(("level", "digest"), HASHES.items())
def test_the_published_training_problems(level, digest):
    problems = task(level, "published", train=1000).load("train").problems
    lines = "".join(f"{p.question}\n{p.reference.text}\n" for p in problems)
    assert hashlib.sha256(lines.encode()).hexdigest() == digest


def test_published_splits_begin_where_the_one_before_ends():
    whole = task(source="published", train=1000, dev=20, test=1)
    assert whole.load("train").problems[0].question != whole.load("dev").problems[0].question
    assert whole.load("dev").problems[:5] == task(source="published", dev=5, seed=4).load("dev").problems
    with pytest.raises(ParamsError, match=r"synthetic_reasoning\.train: 1001 problems .* 1000 are published"):
        task(source="published", train=1001)


def test_generated_splits_share_no_question_and_depend_on_the_seed():
    splits = [task().load(split).problems for split in ("train", "dev", "test")]
    assert [len(problems) for problems in splits] == [300, 100, 300]
    assert len({p.question for problems in splits for p in problems}) == 700
    assert task().load("dev").problems == splits[1]
    assert not {p.question for p in task(seed=4).load("dev").problems} & {p.question for p in splits[1]}


@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
def test_levels(level):
    problems = task(level).load("test").problems
    questions = [read_question(p.question) for p in problems]
    about_class = {q.subject != rule.subject for q in questions for rule in q.rules}
    synonyms = any(word not in WORDS for q in questions for word in q.words)
    assert about_class == ({False} if level == "easy" else {False, True})
    assert synonyms == (level == "hard")
    assert {len(q.rules) for q in questions} == {5}
    assert {len(q.fired) for q in questions} == {0, 1, 2}
    assert all({ATTRIBUTES[word] for word in q.words} == set(q.attributes) for q in questions)


def test_references_check_and_difficulty_counts_their_steps():
    reasoning = task()
    problems = reasoning.load("test").problems
    verdicts = reasoning.check_many([(p, p.reference.text) for p in problems])
    assert all(verdict.strict_correct and verdict.correct for verdict in verdicts)
    for problem in problems:
        steps = read_steps(problem.reference.text)
        assert [step.id for step in steps] == [f"#{number}" for number in range(len(steps))]
        assert problem.difficulty.split()[0] == str(len(steps))
        assert reasoning.parse(problem.reference.text).steps == problem.reference.steps == steps


@pytest.mark.parametrize(
    ("text", "strict", "robust"),
    [
        ("#0: Dan is old #1: Dan is sad and hot | Dan is sad and hot", True, True),
        ("nonsense | Dan is sad and hot\nmore", True, True),
        ("#0: Dan is old | Dan is hot and sad", False, True),
        ("#0: Dan is old | dan is hot and Dan is sad.", False, True),
        ("So the answer is: Dan is sad and hot.", False, True),
        ("Dan is sad and hot", True, True),
        ("#0: Dan is sad and hot", False, False),
        ("#0: Dan is old | Dan is sad", False, False),
        ("| Bob is sad and hot", False, False),
        ("| Nothing", False, False),
        ("|", False, False),
        ("", False, False),
    ],
)
def test_strict_and_robust_reading(text, strict, robust):
    problem = Problem(id="p", task="synthetic_reasoning", split="test", question=DAN, answer="Dan is sad and hot")
    [verdict] = task().check(problem, [text])
    assert (verdict.strict_correct, verdict.correct) == (strict, robust)


def test_an_article_and_the_case_of_nothing_do_not_matter_to_the_robust_reading():
    reasoning = task()
    assert reasoning.canonical("The poppy is sad.") == reasoning.canonical("poppy is sad")
    assert reasoning.robust_answer("#0: The argument is invalid!! | nothing.") == reasoning.canonical("Nothing")


SPLITS = {"train": "train", "val": "dev", "test": "test"}
"""Our names of the splits by those of the files."""


def published_rows(name):
    path = Path(os.environ["STEPWISE_DATA"]) / "refiner" / f"srn_{name}.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def published_problems(level):
    published = task(level, "published", train=1000, dev=5000, test=5000)
    return {name: published.load(split).problems for name, split in SPLITS.items()}


@pytest.mark.data
@pytest.mark.parametrize("level", ["easy", "medium", "hard"])
def test_all_published_problems_are_generated(level):
    for split, problems in published_problems(level).items():
        rows = published_rows(f"{level}_{split}")
        assert len(rows) == len(problems) == (1000 if split == "train" else 5000)
        for row, problem in zip(rows, problems, strict=True):
            assert problem.question == f"{' '.join(row['rules'])} Fact: {row['fact']}\n{row['question']}"
            assert [f"{problem.answer}."] == row["consequents"]


@pytest.mark.data
def test_the_published_explanations_are_the_same_but_for_133_faulty_ones():
    outcomes = Counter()
    for split, problems in published_problems("hard").items():
        for row, problem in zip(published_rows(f"srn_{split}"), problems, strict=True):
            assert problem.answer == row["consequents"]
            steps = [step.text for step in problem.reference.steps]
            published = [step.strip() for step in re.split(r"#\d+:", row["explanations"])[1:]]
            if published == steps:
                outcomes["same"] += 1
            elif sorted(published) == sorted(steps):
                outcomes["other order"] += 1
            else:
                outcomes[fault(published, steps)] += 1
    faulty = {"two steps glued together": 85, "a step missing": 48}
    assert outcomes == {"same": 10421, "other order": 446, **faulty}


def fault(published, steps):
    """What is wrong with a published explanation."""
    if any(step.count(" is ") > 1 for step in published):
        return "two steps glued together"
    return "a step missing" if set(published) < set(steps) else "other"
