import re
from collections import Counter
from itertools import pairwise

import pytest

from stepwise.params import TaskParams
from stepwise.pretraining.stories import BASE
from stepwise.pretraining.text import KINDS, base_examples, common_words, tokenizer_texts
from stepwise.records import Problem
from stepwise.tasks.formats.formulas import evaluate_formula, numbers_of, parse_formula
from stepwise.tasks.generated.expressions import evaluate, parse
from stepwise.tasks.generated.story_templates import MIXED
from stepwise.tasks.registry import get_task
from stepwise.tasks.sandbox.programs import run_programs
from stepwise.tasks.word_sorting import lexicon, read_words

COUNT = 600


def by_kind(seed=1):
    kinds = {}
    for one in base_examples(COUNT, seed):
        kinds.setdefault(one.id.split("-")[1], []).append(one)
    return kinds


def question(one):
    return one.spans[0].text.removeprefix("Q: ").partition("\nAnswer:")[0]


def verdict(name, one, answer):
    task = get_task(name, TaskParams(form="scripted"), seed=1)
    problem = Problem(id=one.id, task=name, split="train", question=question(one), answer=answer)
    assert task.prompt(problem) == (one.spans[0].text,)
    return task.check(problem, [one.spans[1].text])[0]


def test_seeded_and_a_long_run_begins_with_the_short_one():
    first = list(base_examples(60, 1))
    assert first == list(base_examples(200, 1))[:60]
    assert first != list(base_examples(60, 2))
    assert len({one.id for one in first}) == 60


def test_every_kind_has_about_its_share():
    counts = Counter({kind: len(found) for kind, found in by_kind().items()})
    assert sum(share for share, _ in KINDS.values()) == pytest.approx(1)
    for kind, (share, _) in KINDS.items():
        assert counts[kind] == pytest.approx(share * COUNT, rel=0.4)


def test_only_solutions_are_learned():
    for one in base_examples(COUNT, 1):
        assert {span.weight for span in one.spans} == {0.0, 1.0}
        assert one.spans[0].weight == 0.0
        assert one.spans[-1].weight == 1.0


def test_an_encoder_reads_the_header_of_every_other_story():
    pairs = list(zip(base_examples(COUNT, 1), base_examples(COUNT, 1, seq2seq=True), strict=True))
    assert all([span.text for span in one.spans] == [span.text for span in other.spans] for one, other in pairs)
    changed = [number for number, (one, other) in enumerate(pairs) if one != other]
    assert changed == [
        number for number, (one, _) in enumerate(pairs) if number % 2 and "-story-" in one.id and len(one.spans) > 2
    ]
    for number in changed:
        assert [span.weight for span in pairs[number][1].spans] == [0.0, 0.0, 1.0]


def test_stories_have_right_solutions():
    stories = by_kind()["story"]
    programs = [one for one in stories if len(one.spans) == 3]
    outcomes = run_programs([one.spans[1].text + one.spans[2].text for one in programs])
    assert all(isinstance(outcome.value, int | float) and outcome.value == int(outcome.value) for outcome in outcomes)
    formulas = [one for one in stories if one.spans[0].text.endswith("Formula:\n")]
    for one in formulas:
        asked = one.spans[0].text.split("\n")[1]
        assert evaluate_formula(parse_formula(one.spans[1].text), numbers_of(asked)).denominator == 1
    sentences = [one for one in stories if one not in programs and one not in formulas]
    for one in sentences:
        results = re.findall(r"= (\d+) ", one.spans[1].text)
        assert one.spans[1].text.endswith(f"\nTherefore, the answer is: {results[-1]}")
        for left, sign, right, result in re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", one.spans[1].text):
            a, b, c = int(left), int(right), int(result)
            assert {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign] == c
    assert min(len(programs), len(formulas), len(sentences)) > 20


@pytest.mark.parametrize("kind", ["sums", "reductions"])
def test_every_stage_of_a_reduction_has_the_same_value(kind):
    for one in by_kind()[kind]:
        for asked, learned in zip(one.spans[::2], one.spans[1::2], strict=True):
            stages = (asked.text + learned.text.rstrip("\n.")).split(" = ")[1:]
            assert len({evaluate(parse(stage)) for stage in stages}) == 1
            assert stages[-1].lstrip("-").isdigit()


def test_brackets_check_and_have_uneven_lengths():
    for one in by_kind()["brackets"]:
        asked = question(one)
        assert verdict("multistep_arithmetic", one, str(evaluate(parse(asked.removesuffix("="))))).correct
        lengths = {len(group.split()) for group in re.findall(r"\(([^()]*)\)", asked)}
        assert len(lengths) > 1


def test_short_lists_check():
    for one in by_kind()["short_lists"]:
        assert verdict("word_sorting", one, " ".join(sorted(read_words(question(one))))).strict_correct


def test_letters_and_groups_are_right():
    place = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4}
    for one in by_kind()["letters"]:
        words, ordinal = re.search(r"List: (.*)\n.* (\w+) letters:$", one.spans[0].text).groups()
        for word, (told, letter, number) in zip(
            words.split(), re.findall(r'"(\w+)"="(\w?)" \((\d+)\)', one.spans[1].text), strict=True
        ):
            assert told == word
            assert letter == word[place[ordinal] : place[ordinal] + 1]
            assert int(number) == (ord(letter) - 96 if letter else 0)
    for one in by_kind()["groups"]:
        numbers = [int(number) for number in re.findall(r"\((\d+)\)", one.spans[1].text)]
        assert all(a < b for a, b in pairwise(numbers))
        assert sorted(re.findall(r'"(\w+)"', one.spans[1].text)) == sorted(re.findall(r'"(\w+)"=', one.spans[0].text))


def test_no_question_of_a_task():
    asked = {question(one) if one.spans[0].text.startswith("Q: ") else one.spans[0].text.split("\n")[1]
             for one in base_examples(3000, 1) if "\n" in one.spans[0].text}  # fmt: skip
    for name, form in (("multistep_arithmetic", "scripted"), ("word_sorting", "scripted"), ("word_problems", "p_cot")):
        task = get_task(name, TaskParams(form=form, train=200, dev=50, test=200), seed=1)
        for split in ("train", "dev", "test"):
            assert not asked & {problem.question for problem in task.load(split).problems}


def test_no_template_and_no_listed_word_of_a_task():
    told = {t.text for t in BASE.openings + BASE.steps + BASE.distractors if t.text}
    assert len(told) >= 60
    assert not told & {t.text for t in MIXED.openings + MIXED.steps + MIXED.distractors}
    listed = set(lexicon())
    for kind in ("letters", "short_lists", "groups"):
        for one in by_kind()[kind]:
            text = "".join(span.text for span in one.spans)
            words = re.findall(r'"(\w+)"=', text)
            assert words
            assert not listed.intersection(words)


def test_common_words_are_those_of_stories_and_never_of_lists():
    words = common_words()
    assert {"apples", "bought", "therefore", "calculate", "seventh", "uncle"} <= words
    for text in tokenizer_texts(300, 1):
        if text.startswith("Question:"):
            assert {word.lower() for word in re.findall("[A-Za-z]+", text)} - {"n", "t"} <= words
    assert not words & set(lexicon())
