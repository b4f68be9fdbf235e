import random
import re
from fractions import Fraction

import pytest

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Problem
from stepwise.tasks.base import Task, example
from stepwise.tasks.formats.formulas import evaluate_formula, numbers_of, parse_formula
from stepwise.tasks.generated.stories import LARGEST, tell
from stepwise.tasks.generated.story_templates import HELD_OUT, HELD_OUT_TEXTS, MIXED, SEEN
from stepwise.tasks.registry import get_task
from stepwise.tasks.sandbox.programs import run_programs
from stepwise.tasks.word_problems import WordProblems

FORMS = ("n_cot", "p_cot", "formula")


def task(form="p_cot", seed=1, **changes):
    return WordProblems(TaskParams(form=form, **{"train": 120, "dev": 40, "test": 90, **changes}), seed)


def hand_worked(form):
    question = "Ben has 12 apples. Anna is 9 years old. Anna gives Ben 5 apples. How many apples does Ben have now?"
    return task(form), Problem(id="a", task="word_problems", split="test", question=question, answer="17")


@pytest.mark.parametrize("form", FORMS)
def test_every_reference_checks(form):
    word_problems = task(form)
    assert isinstance(word_problems, Task)
    for split in ("train", "dev", "test"):
        problems = word_problems.load(split).problems
        verdicts = word_problems.check_many([(p, p.reference.text) for p in problems])
        assert all(v.correct and v.strict_correct for v in verdicts)
        assert all(0 < int(p.answer) <= LARGEST for p in problems)


def test_forms_tell_the_same_story():
    n_cot, p_cot, formula = ([p for p in task(form).load("test").problems] for form in FORMS)
    assert [p.question for p in n_cot] == [p.question for p in p_cot] == [p.question for p in formula]
    programs = run_programs(["def solution():\n" + p.reference.text for p in p_cot])
    for problem, outcome in zip(formula, programs, strict=True):
        value = evaluate_formula(parse_formula(problem.reference.text), numbers_of(problem.question))
        assert value == Fraction(problem.answer) == Fraction(outcome.value)


def test_bins():
    problems = task(test=90).load("test").problems
    assert [p.bin for p in problems].count("unseen") == 45
    kinds = {}
    for p in problems:
        kinds.setdefault((p.bin, p.difficulty), []).append(p)
    assert {key: len(members) for key, members in kinds.items()} == {
        ("seen", "1 step"): 15,
        ("seen", "2 steps"): 15,
        ("seen", "3 steps"): 15,
        ("unseen", "4 steps"): 15,
        ("unseen", "new template"): 15,
        ("unseen", "distractor"): 15,
    }
    assert all(p.meta["steps"] == 4 for p in kinds["unseen", "4 steps"])
    assert {p.bin for split in ("train", "dev") for p in task().load(split).problems} == {"seen"}
    assert {p.bin for p in task(test=20, options={"unseen_share": 0.0}).load("test").problems} == {"seen"}


def test_splits_share_no_question_and_are_seeded():
    splits = [[p.question for p in task().load(split).problems] for split in ("train", "dev", "test")]
    assert len(set().union(*splits)) == sum(map(len, splits))
    assert splits[0] == [p.question for p in task().load("train").problems]
    assert splits[0] != [p.question for p in task(seed=2).load("train").problems]
    assert splits[2] == [p.question for p in task(train=10).load("test").problems]


def test_distractors_are_told_and_unused():
    distracted = [p for p in task("formula").load("test").problems if p.difficulty == "distractor"]
    assert distracted
    for p in distracted:
        used = {x for operation in parse_formula(p.reference.text) for x in operation[1:]}
        assert p.meta["unused"]
        assert all(f"n{i}" not in used for i in p.meta["unused"])
        assert all(f"n{i}" in used for i in range(len(p.meta["numbers"])) if i not in p.meta["unused"])
        numbers = numbers_of(p.question)
        assert [int(n) for n in numbers] == p.meta["numbers"]
        for i in p.meta["unused"]:
            numbers[i] = "1000"
        assert evaluate_formula(parse_formula(p.reference.text), numbers) == int(p.answer)


def test_no_quantity_that_matters_is_above_the_largest():
    small = task("n_cot", options={"largest": 50})
    problems = [p for split in ("train", "dev", "test") for p in small.load(split).problems]
    assert len({p.question for p in problems}) == len(problems)
    for p in problems:
        written = [int(number) for number in re.findall(r"[0-9]+", p.reference.text)]
        assert max(written) <= 50
        assert all(p.meta["numbers"][i] in written for i in range(len(p.meta["numbers"])) if i not in p.meta["unused"])
    with pytest.raises(ParamsError, match="largest"):
        task(options={"largest": 49})


def test_every_template_is_told_and_none_held_out_in_training():
    rng, told = random.Random(0), set()
    for i in range(3000):
        story = tell(rng, MIXED, 1 + i % 4)
        told |= story.templates
        assert [int(n) for n in numbers_of(story.question)] == list(story.numbers)
        assert "{" not in story.question
        assert len(story.program) <= 2 + 2 * 4 + 1
    everything = MIXED.openings + MIXED.steps
    assert {t.text for t in everything} <= told
    assert len({t.text for t in SEEN.openings + SEEN.steps}) >= 40
    assert not HELD_OUT_TEXTS & {t.text for t in SEEN.openings + SEEN.steps}
    assert len(HELD_OUT_TEXTS) == len(HELD_OUT.openings + HELD_OUT.steps)


@pytest.mark.parametrize(
    ("form", "text", "correct"),
    [
        ("n_cot", "With the gift Ben has 12 + 5 = 17 apples.\nTherefore, the answer is: 17", True),
        ("n_cot", "With the gift Ben has 12 + 9 = 21 apples.\nTherefore, the answer is: 21", False),
        ("n_cot", "", False),
        ("p_cot", "    first = 12\n    result = first + 5\n    return result", True),
        ("p_cot", "    result = 12 + 9\n    return result\n", False),
        ("p_cot", "    result = ", False),
        ("p_cot", "    result = 17\n    return result\n\nresult = 18", True),
        ("formula", "add(n0,n2)", True),
        ("formula", "add(n0,n1)", False),
        ("formula", "add(n0,n7)", False),
        ("formula", "divide(n0,0)", False),
        ("formula", "add(n0", False),
    ],
)
def test_hand_worked(form, text, correct):
    word_problems, problem = hand_worked(form)
    assert [v.correct for v in word_problems.check(problem, [text])] == [correct]
    assert word_problems.parse(text).text == text


def test_strict_and_robust_sentences_differ():
    word_problems, problem = hand_worked("n_cot")
    verdict = word_problems.check(problem, ["So the answer is 17 apples."])[0]
    assert verdict.correct
    assert not verdict.strict_correct


def test_prompt_of_a_program_gives_the_header():
    word_problems = task()
    problem = word_problems.load("train").problems[0]
    lead_in, header = word_problems.prompt(problem)
    assert lead_in == f"Question:\n{problem.question}\nAnswer reasoning:\n"
    assert header == f'def solution():\n    """{problem.question}"""\n'
    spans = example(word_problems, problem).spans
    assert [span.weight for span in spans] == [0.0, 0.0, 1.0]
    assert run_programs([spans[1].text + spans[2].text])[0].value == int(problem.answer)


def test_program_bodies_are_short():
    bodies = [p.reference.text for p in task().load("train").problems]
    assert sum(len(body.replace("_", " ").split()) for body in bodies) / len(bodies) <= 60


def test_unknown_option_is_named():
    with pytest.raises(ParamsError, match=r"word_problems\.options\.stpes: unknown option"):
        task(options={"stpes": 3})
    with pytest.raises(ParamsError, match="form"):
        task("scripted")


def test_each_name_tells_its_own_stories():
    questions = {}
    for name, form in (
        ("word_problems", "p_cot"),
        ("word_problems_text", "n_cot"),
        ("word_problems_formula", "formula"),
    ):
        named = get_task(name, TaskParams(form=form, train=60, dev=10, test=10), seed=1)
        problems = [p for split in ("train", "dev", "test") for p in named.load(split).problems]
        assert {p.task for p in problems} == {name}
        questions[name] = {p.question for p in problems}
    assert len(set().union(*questions.values())) == sum(map(len, questions.values())) == 240


def test_a_formula_as_training_text():
    stories = get_task("word_problems_formula", TaskParams(form="formula", train=30, dev=5), seed=1)
    problem = stories.load("train").problems[0].model_copy(update={"question": "Ben has 12 caps and 5 hats. How many?"})
    spans = example(stories, problem).spans
    assert spans[0].text == "Question:\nBen has 12 caps and 5 hats. How many?\nNumbers: n0 = 12, n1 = 5\nFormula:\n"
    assert spans[1].text == problem.reference.text
    assert "\n" not in spans[1].text
    assert stories.stop == ("\n",)
