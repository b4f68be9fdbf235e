import gzip
import json
import os
import random
import re
from collections import Counter
from pathlib import Path

import pytest

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Problem
from stepwise.tasks.word_sorting import WordSorting, letter_index, lexicon, solve

RATIONALE = """\
(1) The first letter: "catalog"="c" (3), "bee"="b" (2), "cart"="c" (3), "cat"="c" (3).
(2) We now have: (2) "bee" < (3) ["catalog" ? "cart" ? "cat"].
(3) Now sort this subpart ["catalog" ? "cart" ? "cat"] by looking at their second letters: \
"catalog"="a" (1), "cart"="a" (1), "cat"="a" (1).
(3.1) We now have: (1) ["catalog" ? "cart" ? "cat"].
(3.2) Now sort this subpart ["catalog" ? "cart" ? "cat"] by looking at their third letters: \
"catalog"="t" (20), "cart"="r" (18), "cat"="t" (20).
(3.3) We now have: (18) "cart" < (20) ["catalog" ? "cat"].
(3.4) Now sort this subpart ["catalog" ? "cat"] by looking at their fourth letters: "catalog"="a" (1), "cat"="" (0).
(3.4.1) We now have: (0) "cat" < (1) "catalog".
(3.4.2) Hence, we have "cat" < "catalog".
(3.5) Hence, we have "cart" < "cat" < "catalog".
(4) Hence, we have "bee" < "cart" < "cat" < "catalog".
(Final response) So the answer is: bee cart cat catalog."""

SHORT = """\
(1) The first letter: "syndrome"="s" (19), "therefrom"="t" (20).
(2) We now have: (19) "syndrome" < (20) "therefrom".
(3) Hence, we have "syndrome" < "therefrom".
(Final response) So the answer is: syndrome therefrom."""


def task(**options):
    return WordSorting(TaskParams(form="scripted", train=60, dev=20, test=190, options=options), seed=3)


def problem(answer="bee cat"):
    return Problem(id="p", task="word_sorting", split="test", question="List: cat bee", answer=answer)


def assert_sound(words, solution):
    """The order is Python's, ids are unique and in order, and every letter and order of the rationale holds."""
    assert solution.answer.split() == sorted(words)
    ids = [step.id for step in solution.steps[:-1]]
    numbers = [tuple(map(int, number.split("."))) for number in ids]
    assert numbers == sorted(set(numbers))
    ordinals = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"]
    for step in solution.steps[:-1]:
        place = next((place for place, name in enumerate(ordinals) if f" {name} letter" in step.text), None)
        for word, letter, index in re.findall(r'"([^"]+)"="([^"]?)" \(([\d.]+)\)', step.text):
            assert word[place : place + 1] == letter
            assert index == letter_index(letter)
        if "We now have" in step.text:
            indices = [float(index_text) for index_text in re.findall(r"(?:: |< )\(([\d.]+)\) ", step.text)]
            assert indices == sorted(set(indices))
        if "Hence" in step.text:
            listed = re.findall(r'"([^"]+)"', step.text)
            assert listed == sorted(listed)
            assert "?" not in step.text


@pytest.mark.parametrize(("words", "text"), [("catalog bee cart cat", RATIONALE), ("syndrome therefrom", SHORT)])
def test_rationales_worked_by_hand(words, text):
    assert solve(words.split()).text == text


@pytest.mark.parametrize(
    "words",
    [
        "cat catalog",
        "catalog cat cats catalogs cater",
        "it its it's i",
        "o'connor oconnor o-ring o oak",
        "at&t at ate at's",
        "u.s.a usa u",
        "Zebra apple Apple zebra",
        "mp3 mp4 mp",
        "été eta zoo",
        "b b a",
        "a a",
        "one",
    ],
)
def test_prefixes_marks_capitals_and_repeats_sort_as_python_sorts(words):
    assert_sound(words.split(), solve(words.split()))


def test_no_index_is_negative_and_indices_order_as_characters_do():
    letters = ["", *map(chr, range(33, 127))]
    indices = [float(letter_index(letter)) for letter in letters]
    assert indices == sorted(set(indices))
    assert indices[0] == 0
    assert [letter_index(letter) for letter in "az"] == ["1", "26"]


@pytest.mark.parametrize("seed", range(100))
def test_random_lists_over_a_small_alphabet_are_sound(seed):
    generator = random.Random(seed)
    words = {"".join(generator.choices("ab'", k=generator.randint(1, 6))) for _ in range(generator.randint(2, 20))}
    words = generator.sample(sorted(words), len(words))
    assert_sound(words, solve(words))


@pytest.mark.parametrize("words", [[], ["a b"], [""], ['a"b']])
def test_words_that_the_rationale_cannot_hold_are_refused(words):
    with pytest.raises(ValueError, match=r"no words|cannot be sorted"):
        solve(words)


def test_generated_lists_are_sound_and_binned_by_length():
    problems = task().load("test").problems
    for problem in problems:
        words = problem.question.partition("List: ")[2].split()
        assert len(words) == len(set(words)) == problem.meta["words"]
        assert_sound(words, problem.reference)
    assert {(p.difficulty, p.bin) for p in problems} == {
        ("2-3", "seen"),
        ("4-7", "seen"),
        ("8-10", "unseen"),
        ("11-15", "unseen"),
        ("16+", "unseen"),
    }
    assert Counter(p.meta["words"] for p in problems) == dict.fromkeys(range(2, 21), 10)


def test_options_set_counts_and_words():
    easy = task(train_words=[2, 3], test_words=[2, 3, 4], max_letters=4, lexicon_size=60)
    problems = [p for split in ("train", "test") for p in easy.load(split).problems]
    words = {word for p in problems for word in p.answer.split()}
    assert len(words) == 60
    assert max(map(len, words)) == 4
    assert {p.meta["words"] for p in problems if p.bin == "unseen"} == {4}


@pytest.mark.parametrize("options", [{"train_words": [1]}, {"test_words": []}, {"lexicon_size": 5}, {"max_letters": 2}])
def test_bad_options_are_refused(options):
    with pytest.raises(ParamsError, match=r"task\.word_sorting\.options"):
        task(**options)


def test_the_lexicon_is_plain_words_of_every_first_letter_but_x():
    words = lexicon()
    assert len(set(words)) == len(words) >= 600
    assert all(re.fullmatch("[a-z]{3,12}", word) for word in words)
    assert {word[0] for word in words} == set("abcdefghijklmnopqrstuvwyz")


@pytest.mark.parametrize(
    ("text", "strict", "robust"),
    [
        ("(Final response) So the answer is: bee cat.", True, True),
        ("(Final response) So the answer is: bee cat", False, True),
        ("(Final response) So the answer is: bee, cat.", False, True),
        ("(Final response) So the answer is Bee Cat.", False, True),
        ('(Final response) So the answer is: "bee" < "cat".', False, True),
        ("(Final response) So the answer is: cat bee.", False, False),
        ("(Final response) So the answer is: bee cat cat.", False, False),
        ("(Final response) So the answer is: bee.", False, False),
        ('(3) Hence, we have "bee" < "cat".', False, False),
        ("So the answer is: bee cat.\nThanks", False, True),
        ("So the answer is: cat bee.\nSo the answer is: bee cat.", True, True),
        (" bee cat", True, True),
        ("Answer: bee cat.", True, True),
        ("bee, cat", True, True),
        ("Bee Cat", False, True),
        ("cat bee", False, False),
        ("bee", False, False),
        ("bee cat\nbee cat", False, False),
        ("(3) bee cat", False, False),
        ("bee < cat", False, False),
    ],
)
def test_strict_and_robust_reading(text, strict, robust):
    [verdict] = task().check(problem(), [text])
    assert (verdict.strict_correct, verdict.correct) == (strict, robust)


@pytest.mark.data
def test_all_lists_of_big_bench_are_sorted_right_and_every_rationale_checks():
    if "STEPWISE_DATA" not in os.environ:
        pytest.skip("STEPWISE_DATA is not set")
    path = Path(os.environ["STEPWISE_DATA"]) / "bigbench" / "word_sorting.jsonl.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    assert len(rows) == 1650
    checker = task()
    for row in rows:
        words = row["input"].split()
        solution = solve(words)
        assert solution.answer == row["target"]
        assert_sound(words, solution)
        [verdict] = checker.check(problem(row["target"]), [solution.text])
        assert verdict.strict_correct
        assert verdict.correct
