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
    for text in base_examples(COUNT, seed):
        kinds.setdefault(text.id.split("-")[1], []).append(text)
    return kinds


def question(example):
    return without_format(example.spans[0].text)


def without_format(prompt):
    return prompt.removeprefix("Q: ").partition("\nAnswer:")[0]


def verdict(name, example, answer):
    task = get_task(name, TaskParams(form="scripted"), seed=1)
    problem = Problem(id=example.id, task=name, split="train", question=question(example), answer=answer)
    assert task.prompt(problem) == (example.spans[0].text,)
    return task.check(problem, [example.spans[1].text])[0]


def test_seeded_and_a_long_run_begins_with_the_short_one():
    first = list(base_examples(60, 1))
    assert first == list(base_examples(200, 1))[:60]
    assert first != list(base_examples(60, 2))
    assert len({example.id for example in first}) == 60


def test_every_kind_has_about_its_share():
    counts = Counter({kind: len(examples) for kind, examples in by_kind().items()})
    assert sum(share for share, _ in KINDS.values()) == pytest.approx(1)
    for kind, (share, _) in KINDS.items():
        assert counts[kind] == pytest.approx(share * COUNT, rel=0.4)


def test_only_solutions_are_learned():
    for example in base_examples(COUNT, 1):
        assert {span.weight for span in example.spans} == {0.0, 1.0}
        assert example.spans[0].weight == 0.0
        assert example.spans[-1].weight == 1.0


def test_an_encoder_reads_the_header_of_every_other_story():
    pairs = list(zip(base_examples(COUNT, 1), base_examples(COUNT, 1, seq2seq=True), strict=True))
    assert all([span.text for span in causal.spans] == [span.text for span in other.spans] for causal, other in pairs)
    changed = [number for number, (causal, other) in enumerate(pairs) if causal != other]
    assert changed == [
        number
        for number, (causal, _) in enumerate(pairs)
        if number % 2 and "-story-" in causal.id and len(causal.spans) > 2
    ]
    for number in changed:
        assert [span.weight for span in pairs[number][1].spans] == [0.0, 0.0, 1.0]


def test_stories_have_right_solutions():
    stories = by_kind()["story"]
    programs = [story for story in stories if len(story.spans) == 3]
    outcomes = run_programs([story.spans[1].text + story.spans[2].text for story in programs])
    assert all(isinstance(outcome.value, int | float) and outcome.value == int(outcome.value) for outcome in outcomes)
    formulas = [story for story in stories if story.spans[0].text.endswith("Formula:\n")]
    for story in formulas:
        numbers = numbers_of(story.spans[0].text.split("\n")[1])
        assert evaluate_formula(parse_formula(story.spans[1].text), numbers).denominator == 1
    sentences = [story for story in stories if story not in programs and story not in formulas]
    for story in sentences:
        results = re.findall(r"= (\d+) ", story.spans[1].text)
        assert story.spans[1].text.endswith(f"\nTherefore, the answer is: {results[-1]}")
        for left, sign, right, result in re.findall(r"(\d+) ([-+*/]) (\d+) = (\d+)", story.spans[1].text):
            a, b, c = int(left), int(right), int(result)
            assert {"+": a + b, "-": a - b, "*": a * b, "/": a / b}[sign] == c
    assert min(len(programs), len(formulas), len(sentences)) > 20


@pytest.mark.parametrize("kind", ["sums", "reductions"])
def test_every_stage_of_a_reduction_has_the_same_value(kind):
    for example in by_kind()[kind]:
        for prompt, learned in zip(example.spans[::2], example.spans[1::2], strict=True):
            stages = (prompt.text + learned.text.rstrip("\n.")).split(" = ")[1:]
            assert len({evaluate(parse(stage)) for stage in stages}) == 1
            assert stages[-1].lstrip("-").isdigit()


def test_brackets_check_and_have_uneven_lengths():
    for example in by_kind()["brackets"]:
        expression = question(example)
        answer = str(evaluate(parse(expression.removesuffix("="))))
        assert verdict("multistep_arithmetic", example, answer).correct
        lengths = {len(group.split()) for group in re.findall(r"\(([^()]*)\)", expression)}
        assert len(lengths) > 1


def test_short_lists_check():
    for example in by_kind()["short_lists"]:
        answer = " ".join(sorted(read_words(question(example))))
        assert verdict("word_sorting", example, answer).strict_correct


def test_letters_and_groups_are_right():
    place = {"first": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4}
    for example in by_kind()["letters"]:
        words, ordinal = re.search(r"List: (.*)\n.* (\w+) letters:$", example.spans[0].text).groups()
        for word, (shown, letter, number) in zip(
            words.split(), re.findall(r'"(\w+)"="(\w?)" \((\d+)\)', example.spans[1].text), strict=True
        ):
            assert shown == word
            assert letter == word[place[ordinal] : place[ordinal] + 1]
            assert int(number) == (ord(letter) - 96 if letter else 0)
    for example in by_kind()["groups"]:
        source, target = (span.text for span in example.spans)
        numbers = [int(number) for number in re.findall(r"\((\d+)\)", target)]
        assert all(a < b for a, b in pairwise(numbers))
        assert sorted(re.findall(r'"(\w+)"', target)) == sorted(re.findall(r'"(\w+)"=', source))


def test_no_question_of_a_task():
    prompts = [example.spans[0].text for example in base_examples(3000, 1) if "\n" in example.spans[0].text]
    questions = {without_format(text) if text.startswith("Q: ") else text.split("\n")[1] for text in prompts}
    for name, form in (("multistep_arithmetic", "scripted"), ("word_sorting", "scripted"), ("word_problems", "p_cot")):
        task = get_task(name, TaskParams(form=form, train=200, dev=50, test=200), seed=1)
        for split in ("train", "dev", "test"):
            assert not questions & {problem.question for problem in task.load(split).problems}


def test_no_template_and_no_listed_word_of_a_task():
    templates = {t.text for t in BASE.openings + BASE.steps + BASE.distractors if t.text}
    assert len(templates) >= 60
    assert not templates & {t.text for t in MIXED.openings + MIXED.steps + MIXED.distractors}
    listed = set(lexicon())
    for kind in ("letters", "short_lists", "groups"):
        for example in by_kind()[kind]:
            text = "".join(span.text for span in example.spans)
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
