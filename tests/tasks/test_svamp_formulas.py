"""REFINER's math word problems: what is mended, what is dropped, and the counts of the real files."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections import Counter
from pathlib import Path

import pytest

from stepwise.params import ParamsError, TaskParams
from stepwise.tasks.base import Task, example
from stepwise.tasks.formats.equations import from_prefix
from stepwise.tasks.formats.formulas import FormulaError, evaluate_formula, parse_formula, render_formula
from stepwise.tasks.formats.numbered_formulas import parse_numbered, render_numbered
from stepwise.tasks.preparation.prepare import prepare
from stepwise.tasks.published.rows import DataError
from stepwise.tasks.registry import get_task


def training_row(number: int, body: str, question: str, numbers: str, formula: str, answer: str) -> dict[str, str]:
    return {
        "ID": str(number),
        "Body": body,
        "Question": question,
        "Numbers": numbers,
        "Linear_Formula": formula,
        "Answer": answer,
    }


ADD = "#0: add ( number0, number1 ) |  EOS"
TRAINING = [
    training_row(1, "Ann did n't eat number0 of Bo 's figs , but number1 .", "How many ?", "2.0 0.5", ADD, "2.5"),
    training_row(
        2,
        "Bo has number0 mp3 files and loses number1 ,",
        "how many are left ?",
        "8.0 3.0",
        "#0: substract ( number0, number1 ) |  EOS",
        "5.0",
    ),
    training_row(3, "Empty", "What is number0 % of number1 ?", "10.0 12.0", ADD, "22.0"),
    training_row(4, "It is number0 and number1 degrees .", "What sum ?", "-4.0 9.0", ADD, "5.0"),
    training_row(
        5, "Cy walks number0 m in number1 s .", "How fast ?", "10 7", "#0: divide ( number0, number1 ) |  EOS", "1.4"
    ),
    training_row(6, "Di has number0 and number1 .", "How many ?", "1 2", ADD, "4.0"),
    training_row(7, "Ed has number0 and number2 .", "How many ?", "1 2", ADD, "3.0"),
    training_row(8, "Flo has number0 and number1 .", "How many ?", "1 x", ADD, "3.0"),
    training_row(9, "Gus has number0 and number1 .", "How many ?", "1 2", "number0 EOS", "1.0"),
    *(training_row(i, "Hal has number0 and number1 .", "How many ?", f"{i} 2", ADD, f"{i + 2}.0") for i in (10, 11)),
]
TEST = [
    {
        "ID": "chal-1",
        "Body": "Dan had $ 3 left. If he had $ 4 at the start",
        "Question": "What was the price?",
        "Equation": "( 4.0 - 3.0 )",
        "Answer": 1.0,
    },
    {"ID": "chal-2", "Body": "Eve has 8 pens.", "Question": "How many?", "Equation": "8.0", "Answer": 8.0},
    {"ID": "chal-3", "Body": "Eve has 8 and 2.", "Question": "How many?", "Equation": "( 8.0 + 3.0 )", "Answer": 11.0},
    {"ID": "chal-4", "Body": "Eve has 8 and 2.", "Question": "How many?", "Equation": "( 8.0 + 2.0 )", "Answer": 1.0},
]
DATA = os.environ.get("STEPWISE_DATA")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in (("refiner/mwp_critique_train", TRAINING), ("svamp/SVAMP", TEST)):
        path = tmp_path / f"{name}.jsonl.gz"
        path.parent.mkdir()
        with gzip.open(path, "wt") as out:
            out.writelines(json.dumps(row) + "\n" for row in rows)
    return tmp_path


def make(data: Path, dev: int = 1, seed: int = 1) -> Task:
    return get_task("svamp_formulas", TaskParams(form="formula", dev=dev), seed=seed, data=data)


def test_mended_and_dropped_rows_are_counted(folder, tmp_path):
    task = make(folder)
    train, dev, test = (task.load(split) for split in ("train", "dev", "test"))
    assert train.mended == dev.mended == {"substract": 1, "no body": 1, "answer is rounded": 1}
    assert train.dropped == {
        "numbers do not fit the text": 2,
        "formula cannot be computed": 1,
        "reference does not give the answer": 1,
    }
    assert train.read == 11
    assert len(train.problems) + len(dev.problems) == 7
    assert test.dropped == {
        "equation has no operation, or a number that the text lacks": 2,
        "reference does not give the answer": 1,
    }
    assert prepare(task, tmp_path / "out")["train.mended.substract"] == 1


def test_texts_and_formulas(folder):
    task = make(folder, dev=5)
    problems = {p.id: p for split in ("train", "dev", "test") for p in task.load(split).problems}
    assert [problems[f"mawps_asdiv-{i}"].question for i in range(1, 6)] == [
        "Ann didn't eat 2 of Bo's figs, but 0.5. How many?",
        "Bo has 8 mp3 files and loses 3, how many are left?",
        "What is 10% of 12?",
        "It is -4 and 9 degrees. What sum?",
        "Cy walks 10 m in 7 s. How fast?",
    ]
    assert float(problems["mawps_asdiv-5"].answer) == pytest.approx(10 / 7)
    tested = problems["svamp-chal-1"]
    assert [span.text for span in example(task, tested).spans] == [
        "Question:\nDan had $ 3 left. If he had $ 4 at the start What was the price?\n"
        "Numbers: n0 = 3, n1 = 4\nFormula:\n",
        "subtract(n1,n0)",
    ]
    assert [v.correct for v in task.check(tested, ["subtract(n1,n0)", "subtract(n0,n1)", "divide(n0,3)", "1", ""])] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert all(v.correct for v in task.check_many([(p, p.reference.text) for p in problems.values()]))
    assert problems["mawps_asdiv-2"].meta == {"steps": 1, "numbers": ["8", "3"], "unused": []}


def test_dev_and_train_share_no_story(folder):
    for seed in range(10):
        assert make(folder, seed=seed).load("dev").problems[0].id not in {"mawps_asdiv-10", "mawps_asdiv-11"}
    assert {p.id for p in make(folder, dev=5).load("train").problems} == {"mawps_asdiv-10", "mawps_asdiv-11"}
    with pytest.raises(ParamsError, match="6 problems requested, but the data has 5"):
        make(folder, dev=6).load("dev")


def test_bad_input_is_named(folder):
    path = folder / "refiner/mwp_critique_train.jsonl.gz"
    with gzip.open(path, "at") as out:
        out.write(json.dumps(training_row(12, "", "", "", ADD, "nan")) + "\n")
    with pytest.raises(DataError, match=r"mwp_critique_train.*line 12: Answer"):
        make(folder).load("train")
    path.unlink()
    with pytest.raises(DataError, match=r"no refiner/mwp_critique_train.*STEPWISE_DATA"):
        make(folder).load("train")
    with pytest.raises(ParamsError, match=r"svamp_formulas\.form: 'p_cot'"):
        get_task("svamp_formulas", TaskParams(form="p_cot"), seed=1, data=folder)


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="STEPWISE_DATA is not set")
class TestRealData:
    @pytest.fixture(scope="class")
    def task(self) -> Task:
        return make(Path(str(DATA)), dev=300)

    @staticmethod
    def rows(part: str) -> list[dict]:
        with gzip.open(Path(str(DATA)) / f"refiner/mwp_critique_{part}.jsonl.gz", "rt") as lines:
            return [json.loads(line) for line in lines]

    def test_counts(self, task):
        train, dev, test = (task.load(split) for split in ("train", "dev", "test"))
        assert train.read == 3099
        assert train.mended == {"substract": 1286, "answer is rounded": 11, "no body": 7}
        assert train.dropped == {"reference does not give the answer": 7}
        assert len(train.problems + dev.problems) == 3092
        kept = {problem.id for problem in train.problems + dev.problems}
        wrong = {row["ID"] for row in self.rows("train") if f"mawps_asdiv-{row['ID']}" not in kept}
        assert wrong == {"284", "586", "1100", "1337", "1411", "1786", "1813"}
        assert (test.read, len(test.problems)) == (1000, 997)
        assert {f"svamp-chal-{i}" for i in (50, 555, 680)}.isdisjoint(problem.id for problem in test.problems)
        trained, held_out, tested = (
            {re.sub(r"\d+(\.\d+)?", "_", problem.question).lower() for problem in loaded.problems}
            for loaded in (train, dev, test)
        )
        assert not trained & held_out
        assert not (trained | held_out) & tested

    def test_prefix_equations_give_the_formulas_of_the_file(self):
        rows = self.rows("train")
        written = [render_numbered(from_prefix(row["Equation"])).replace(" EOS", "  EOS") for row in rows]
        assert len(rows) == 3099
        assert written == [row["Linear_Formula"].replace("substract", "subtract") for row in rows]
        assert all(parse_numbered(row["Linear_Formula"]) == from_prefix(row["Equation"]) for row in rows)

    def test_formulas_of_val_differ_from_their_equations(self):
        """The reason why the val file is not used: its formulas are wrong, not its equations."""
        counts: Counter[str] = Counter()
        for row in self.rows("val"):
            if row["Equation"] == "number0":
                counts["no operation"] += 1
                continue
            gold = from_prefix(row["Equation"])
            assert float(evaluate_formula(gold, row["Numbers"].split())) == float(row["Answer"])
            try:
                counts["same" if parse_numbered(row["Linear_Formula"]) == gold else "different"] += 1
            except FormulaError:
                counts["no formula"] += 1
        assert counts == {"same": 830, "different": 120, "no formula": 49, "no operation": 1}

    def test_formulas_of_the_released_test_file_are_ours(self, task):
        """Only where a number occurs twice does the file name another slot."""
        ours = {problem.id: problem for problem in task.load("test").problems}
        released = {f"svamp-{row['ID']}": row["Linear_Formula"] for row in self.rows("test")}
        assert set(ours) <= set(released)
        texts = {name: render_formula(parse_numbered(released[name])) for name in ours}
        others = {name for name, problem in ours.items() if problem.reference.text != texts[name]}
        assert others == {f"svamp-chal-{i}" for i in (6, 242, 274, 385)}
        assert all(verdict.correct for verdict in task.check_many([(ours[name], texts[name]) for name in others]))
        assert all(len(parse_formula(text)) <= 2 for text in texts.values())
