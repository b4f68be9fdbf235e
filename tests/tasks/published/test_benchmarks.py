"""The seven benchmarks of RATIONALYST: loading, right answers in other words, and near misses, all written by hand."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

from stepwise.params import ParamsError, TaskParams
from stepwise.records import Problem
from stepwise.tasks.answers.numbers import ANSWER_TRIGGER
from stepwise.tasks.base import Task
from stepwise.tasks.hellaswag import without_marks
from stepwise.tasks.published.rows import DataError
from stepwise.tasks.registry import get_task

DATA = os.environ.get("STEPWISE_DATA")
NAMES = ("gsm8k", "math", "ecqa", "hellaswag", "proofwriter", "arc_challenge", "mmlu_pro")


def row_of_arc(i: int, labels: str = "ABCD") -> dict:
    texts = [f"{i} m", f"{i} cm", f"{i} kg", "none"][: len(labels)]
    return {
        "id": f"q{i}",
        "question": f"How long is stick {i}?",
        "choices": {"text": texts, "label": list(labels)},
        "answerKey": labels[1],
    }


def row_of_commonsense(i: int) -> dict:
    names = ("bank", "library", "department store", "mall", "new york")
    choices = [{"label": label, "text": text} for label, text in zip("ABCDE", names, strict=True)]
    return {"id": f"c{i}", "answerKey": "B", "question": {"stem": f"Where do {i} people read?", "choices": choices}}


def row_of_math(i: int) -> dict:
    solution = f"We add $x={i}$ and $1$. So it is $\\boxed{{\\frac{{{i}}}{{7}}}}$."
    return {"problem": f"What is ${i}/7$?", "level": "Level 2", "type": "Algebra", "solution": solution}


def row_of_proofwriter(i: int) -> dict:
    question = "Based on the above information, is the following statement true, false, or unknown? Ann is red."
    return {"id": f"p{i}", "context": f"Ann is {i}. All things are red.", "question": question, "answer": "A"}


def row_of_mmlu_pro(i: int) -> dict:
    options = [f"{i} J", f"{i} W", f"{i} N"]
    return {"question_id": i, "question": f"What is power {i}?", "options": options, "answer_index": 1, "category": "physics"}  # fmt: skip # noqa: E501


def row_of_hellaswag(i: int) -> dict:
    endings = ["eats it.", "[title] Wait [header] here.", "sings.", "reads."]
    return {"ind": i, "ctx": f"A man opens book {i}. He", "endings": endings, "label": 3}


def row_of_gsm8k(i: int) -> dict:
    return {"question": f"Ann has {i} apples and {i} more?", "answer": f"{i}+{i}=<<{i}+{i}={2 * i}>>{2 * i}\n#### {2 * i}"}  # fmt: skip # noqa: E501


@pytest.fixture
def folder(tmp_path) -> Path:
    """A few rows of each data set."""

    def put(name: str, rows: list[dict]) -> None:
        path = tmp_path / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))

    for name, row in (
        ("gsm8k", row_of_gsm8k),
        ("math", row_of_math),
        ("proofwriter", row_of_proofwriter),
        ("arc_challenge", row_of_arc),
    ):
        put(f"{name}/train", [row(i) for i in range(1, 9)])
        put(f"{name}/test", [row(i) for i in range(20, 23)])
    put("arc_challenge/test", [row_of_arc(20), row_of_arc(21, "1234"), row_of_arc(22, "123")])
    put("commonsenseqa/train", [row_of_commonsense(i) for i in range(1, 10)])
    put("commonsenseqa/dev", [row_of_commonsense(i) for i in range(20, 23)])
    spoken = [{"id": f"c{i}", "explanation": "People read books. Books are in a library"} for i in (*range(1, 7), 20)]
    put("ecqa/train_flan", spoken)
    put("ecqa/val", [{"q_no": "c7", "taskA_pos": "A library has books\nPeople read books."}])
    put("ecqa/test", [{"q_no": "c8", "taskA_pos": "A library has books."}])
    put("hellaswag/validation", [row_of_hellaswag(i) for i in range(3)])
    put("mmlu_pro/test", [row_of_mmlu_pro(i) for i in range(3)])
    return tmp_path


def make(name: str, data: Path | None, **counts: int) -> Task:
    return get_task(name, TaskParams(form="n_cot", **{"dev": 2, **counts}), seed=1, data=data)


@pytest.mark.parametrize("name", NAMES)
def test_splits_are_apart_and_references_end_with_the_answer_line(folder, name):
    task = make(name, folder)
    assert isinstance(task, Task)
    train, dev, test = (task.load(split).problems for split in ("train", "dev", "test"))
    assert (len(dev), len(test)) == (2, 3)
    assert not {problem.id for problem in train} & {problem.id for problem in dev}
    assert {problem.split for problem in dev} == {"dev"}
    assert all(problem.reference is None and problem.split == "test" for problem in test)
    for problem in train + dev:
        assert problem.reference
        *_, last = problem.reference.text.split("\n")
        assert last.startswith(ANSWER_TRIGGER.strip())
        assert ANSWER_TRIGGER.strip() not in [step.text for step in problem.reference.steps]
        assert task.parse(problem.reference.text).answer == problem.answer
    assert task.prompt(test[0]) == (f"Question:\n{test[0].question}\nAnswer reasoning:\n",)
    assert not any(verdict.correct or verdict.strict_correct for verdict in task.check(test[0], ["", "A thing"]))


RIGHT = {
    "gsm8k": ("40", "The answer is 40.", "#### 40", "Answer: $40.00", "so \\boxed{40} apples", "20 + 20 = 40"),
    "math": (
        "\\boxed{\\frac{20}{7}}",
        "Answer: $\\frac{20}{7}$.",
        "The answer is $x = 20/7$",
        "so $\\boxed{\\dfrac{20}7}$",
        "$\\boxed{2\\frac67}$",
        "The final answer is **\\frac{40}{14}**",
    ),
    "ecqa": (
        "The answer is B",
        "The answer is (B).",
        "Answer: **B**",
        "the answer is library",
        "They read.\nB) library",
        "\\boxed{B}",
    ),
    "hellaswag": (
        "The answer is D",
        "answer: [D]",
        "The answer is (d).",
        "The correct ending is D) reads.",
        "The answer is: reads.",
        "He opens it.\nD.",
    ),
    "proofwriter": (
        "The answer is A",
        "The answer is (A).",
        "The answer is True.",
        "The statement is true.",
        "Answer: A) True",
        "**True**",
    ),
    "arc_challenge": (
        "The answer is B",
        "Answer: (B)",
        "The answer is **B) 20 cm**",
        "The answer is 20 cm.",
        "option B is it\nB",
        "The correct choice is 'B'",
    ),
    "mmlu_pro": (
        "The answer is (B).",
        "The answer is B",
        "Answer: B",
        "The answer is 0 W.",
        "$\\boxed{\\text{B}}$",
        "The answer is option (B) 0 W",
    ),
}
"""Of the first test problem of `folder`, by task."""
NEAR = {
    "gsm8k": ("40.5", "The answer is 0.40", "The answer is 4000", "The answer is -40", "The answer is 20"),
    "math": ("\\boxed{\\frac{7}{20}}", "\\boxed{2.86}", "Answer: 20", "\\boxed{-\\frac{20}{7}}", "\\boxed{}"),
    "ecqa": ("The answer is C", "the answer is mall", "The answer is (B) mall", "B or C", "The answer is F"),
    "hellaswag": ("The answer is C", "The answer is sings.", "The answer is D) sings.", "The answer is 4"),
    "proofwriter": ("The answer is B", "The statement is unknown.", "The answer is not A", "A) False", "not true"),
    "arc_challenge": ("The answer is A", "The answer is 20 m.", "The answer is 20 km", "The answer is B) 20 kg"),
    "mmlu_pro": ("The answer is (C).", "The answer is 0 J", "The answer is 0 kW", "The answer is (B) 0 J", "I think"),
}


@pytest.mark.parametrize("name", NAMES)
def test_right_answers_in_other_words_score_and_near_misses_do_not(folder, name):
    task = make(name, folder)
    problem = task.load("test").problems[0]
    right, near = task.check(problem, RIGHT[name]), task.check(problem, NEAR[name])
    assert [verdict.correct for verdict in right] == [True] * len(RIGHT[name])
    assert [verdict.correct for verdict in near] == [False] * len(NEAR[name])


STRICT = {
    "math": {
        "\\boxed{\\dfrac{20}{7}}": True,
        "\\boxed{2\\frac67}": False,
        "Answer: $\\frac{20}{7}$": False,
        "\\boxed{20/7} and \\boxed{1}": False,
    },
    "ecqa": {"the answer is B": True, "the answer is B.": False, "Answer: B": False, "the answer is: B": True},
    "hellaswag": {"the answer is D": True, "The answer is (D)": False},
    "proofwriter": {"The answer is A": True, "The answer is true": False},
    "arc_challenge": {"the answer is B because": True, "the answer is 20 cm": False},
    "mmlu_pro": {"The answer is (B).": True, "Answer: B": False, "the answer is (B) or the answer is (C)": True},
}


@pytest.mark.parametrize("name", STRICT)
def test_the_papers_extraction_stands_beside(folder, name):
    task = make(name, folder)
    verdicts = task.check(task.load("test").problems[0], list(STRICT[name]))
    assert [verdict.strict_correct for verdict in verdicts] == list(STRICT[name].values())


def test_gsm8k_can_be_read_as_rationalyst_does(folder):
    texts = ["The answer is 40.", "the answer is 40.7", "Answer: 40", "the answer is 2 = 40 = 3", "the answer is none"]
    params = TaskParams(form="n_cot", dev=2, options={"extraction": "rationalyst"})
    task = get_task("gsm8k", params, seed=1, data=folder)
    problem = task.load("test").problems[0]
    verdicts = task.check(problem, texts)
    assert [verdict.strict_correct for verdict in verdicts] == [True, True, False, True, False]
    assert [verdict.correct for verdict in verdicts] == [True, False, True, False, False]
    plain = make("gsm8k", folder)
    assert [verdict.strict_correct for verdict in plain.check(problem, texts)] == [False] * 5
    with pytest.raises(ParamsError, match="extraction"):
        get_task("gsm8k", TaskParams(form="n_cot", options={"extraction": "mine"}), seed=1, data=folder)


def test_options_get_letters_whatever_the_file_calls_them(folder):
    first, second, third = make("arc_challenge", folder).load("test").problems
    assert first.question == "How long is stick 20?\nA) 20 m\nB) 20 cm\nC) 20 kg\nD) none"
    assert (second.answer, second.choices[1]) == ("B", "21 cm")
    assert (third.answer, third.choices) == ("B", ("22 m", "22 cm", "22 kg"))
    bad = {**row_of_arc(1), "answerKey": "E"}
    (folder / "arc_challenge/test.jsonl").write_text(json.dumps(bad) + "\n")
    with pytest.raises(DataError, match=r"row q1: the answer 'E' is not one of its options"):
        make("arc_challenge", folder).load("test")


def test_explanations_of_validation_questions_are_never_trained_on(folder):
    task = make("ecqa", folder, dev=8)
    loaded = task.load("dev")
    assert {problem.id for problem in loaded.problems} == {f"c{i}" for i in range(1, 9)}
    assert (loaded.read, loaded.dropped) == (9, {"no explanation": 1})
    lines = {problem.id: problem.reference.text.split("\n")[:-1] for problem in loaded.problems if problem.reference}
    assert lines["c1"] == ["People read books.", "Books are in a library"]
    assert lines["c7"] == ["A library has books", "People read books."]
    for name in ("train_flan", "val", "test"):
        (folder / f"ecqa/{name}.jsonl").unlink()
    with pytest.raises(DataError, match=r"ecqa/ecqa\.jsonl"):
        make("ecqa", folder).load("train")
    whole = [{"id": "c3", "positives": ["A library has books"], "negatives": [], "explanation": "So it is."}]
    (folder / "ecqa/ecqa.jsonl").write_text(json.dumps(whole[0]) + "\n")
    assert [problem.id for problem in make("ecqa", folder, dev=1).load("dev").problems] == ["c3"]


def test_marks_of_wikihow_are_removed(folder):
    problem = make("hellaswag", folder).load("test").problems[0]
    assert problem.question.startswith(
        "A man opens book 0. He\nWhich ending continues this best?\nA) eats it.\nB) Wait here."
    )
    assert without_marks("How to sew [title] Thread it. [step] Pull.") == "How to sew. Thread it. Pull."


def test_bad_rows_are_named(folder):
    path = folder / "mmlu_pro/test.jsonl"
    path.write_text(json.dumps({**row_of_mmlu_pro(1), "options": []}) + "\n")
    with pytest.raises(DataError, match=r"mmlu_pro/test\.jsonl, line 1: options"):
        make("mmlu_pro", folder).load("test")
    with pytest.raises(ParamsError, match=r"math\.form: 'p_cot' .* take n_cot"):
        get_task("math", TaskParams(form="p_cot"), seed=1, data=folder)


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="STEPWISE_DATA is not set")
@pytest.mark.parametrize(
    ("name", "test", "read", "kept"),
    [
        ("gsm8k", 1319, 7473, 7473),
        ("math", 5000, 7500, 7498),
        ("ecqa", 1221, 9741, 9195),
        ("hellaswag", 10042, 8, 8),
        ("proofwriter", 600, 3000, 3000),
        ("arc_challenge", 1172, 1119, 1119),
        ("mmlu_pro", 12032, 28, 28),
    ],
)
def test_counts_of_the_real_data(name, test, read, kept):
    task = make(name, Path(str(DATA)))
    loaded, train = task.load("test"), task.load("train")
    assert len(loaded.problems) == loaded.read == test
    assert loaded.dropped == {}
    assert train.read == read
    assert len(train.problems) + 2 == kept
    assert all(problem.answer for problem in loaded.problems)
    if loaded.problems[0].choices:
        few = Counter(len(problem.choices) < 3 for problem in loaded.problems)
        assert few[True] == (7 if name == "mmlu_pro" else 0)
        assert verdicts_of_letters(task, loaded.problems) == {True}


def verdicts_of_letters(task: Task, problems: list[Problem]) -> set[bool]:
    """Verdicts on each problem's gold letter followed by the words of its option, which must never contradict it."""
    pairs = [(p, f"The answer is {p.answer}) {p.choices['ABCDEFGHIJ'.index(p.answer)]}") for p in problems]
    return {verdict.correct for verdict in task.check_many(pairs)}
