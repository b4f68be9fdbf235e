"""REFINER's chapter: what its tables say of z, y and critics, and where differences come from."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from stepwise.records import Prediction, Verdict, write_jsonl
from stepwise.report.chapters import refiner
from stepwise.report.chapters.base import Sources
from stepwise.report.chapters.refiner import Selection
from stepwise.report.pairs import Pair
from stepwise.statistics import Comparison

SELECTION = Selection(
    ["toy"], ["t5"], ["start", "alone", "critic", "critic_oracle"],
    [("critic", "start"), ("critic", "alone"), ("critic_oracle", "critic")],
)  # fmt: skip
CRITIC = {
    "method": "critic", "task": "toy", "model": "t5",
    "accuracy": 0.6, "accuracy_low": 0.5, "accuracy_high": 0.7,
    "z_exact": 0.5, "z_exact_low": 0.4, "z_exact_high": 0.6, "z_equivalent": 0.55, "bleu": 0.81,
    "z_contribution": 0.12, "z_harm": 0.02, "frequency": 0.3,
    "feedback_accuracy": 0.7, "feedback_accuracy_low": 0.6, "feedback_accuracy_high": 0.8,
    "fault_operator": 0.25, "fault_missing_step": 0.1, "critic_fault_operator": 0.125,
}  # fmt: skip
START = {
    "method": "start", "task": "toy", "model": "t5", "accuracy": 0.4, "z_exact": 0.3, "z_exact_low": 0.2,
    "z_exact_high": 0.4, "bleu": 0.7, "frequency": 0.0, "fault_operator": 0.5, "fault_missing_step": 0.2,
}  # fmt: skip
CRITICS = {
    "task": "toy", "rows": 400.0, "held_out_accuracy": 0.9, "held_out_accuracy_operator": 0.95,
    "held_out_accuracy_right": 0.8, "held_out_class_accuracy": 0.97, "held_out_class_majority": 0.42,
    "own_accuracy": 0.6,
}  # fmt: skip


@pytest.fixture
def sources(tmp_path, write):
    write("metrics/evaluate/critic/toy-t5.json", CRITIC)
    write("metrics/evaluate/start/toy-t5.json", START)
    write("metrics/evaluate/critic/old-t5.json", {**CRITIC, "task": "old"})
    write("metrics/refiner/critic/toy-t5.json", CRITICS)
    write("metrics/refiner/critic_test/toy-t5.json", {"test_accuracy": 0.5, "test_class_accuracy": 0.75})
    return Sources(tmp_path / "metrics", pairs=[pair("critic", "start"), pair("start", "critic")])


def pair(method, against):
    return Pair("toy", "t5", method, against, Comparison(100, 0.4, 0.6, 0.2, 0.1, 0.3, 0.001, 4, 24))


def answers(path: Path, right: str) -> None:
    """One character for each problem: 1 is right."""
    write_jsonl(
        path,
        [
            Prediction(problem_id=f"p{number}", text="", verdict=Verdict(correct=flag == "1"))
            for number, flag in enumerate(right)
        ],
    )


def printed(chapter):
    out = io.StringIO()
    console = Console(file=out, width=200)
    for table in chapter.tables():
        console.print(table)
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_a_row_has_z_and_y_and_what_the_critic_does(sources):
    lines = printed(refiner.collect(sources, SELECTION))
    assert "critic 50.0 [40.0, 60.0] 55.0 60.0 [50.0, 70.0] 81.0 12.0 2.0 30.0 70.0 [60.0, 80.0]" in lines
    assert "start 30.0 [20.0, 40.0] - 40.0 70.0 - - 0.0 -" in lines


def test_the_terminal_compares_answers_by_the_pairs_of_all_evaluations(sources):
    lines = printed(refiner.collect(sources, SELECTION))
    assert "y toy t5 critic start +20.0 [+10.0, +30.0] 0.001 yes 100" in lines
    assert not any(line.startswith("y toy t5 start critic") for line in lines)


def test_the_page_compares_z_too_and_the_oracle_with_the_critic(sources, tmp_path):
    """The critic has 3 of 4 right z where the start has 1, and 2 of 4 right answers where the oracle has 4."""
    folder = tmp_path / "evaluations"
    for method, z, y in (("start", "1000", "1000"), ("critic", "1110", "1100"), ("critic_oracle", "1111", "1111")):
        answers(folder / method / "toy-t5" / "z.jsonl", z)
        answers(folder / method / "toy-t5" / "greedy.jsonl", y)
    chapter = refiner.collect(Sources(sources.metrics, predictions=folder), SELECTION)
    shown = {
        (part, pair.method, pair.against): pair.comparison.difference
        for part, compared in chapter.results[0].differences.items()
        for pair in compared
    }
    assert shown == pytest.approx(
        {
            ("z", "critic", "start"): 0.5,
            ("z", "critic_oracle", "critic"): 0.25,
            ("y", "critic", "start"): 0.25,
            ("y", "critic_oracle", "critic"): 0.5,
        }
    )
    assert "Those of an oracle use the gold" in chapter.sections()


def test_critics_are_judged_on_three_kinds_of_cases(sources):
    lines = printed(refiner.collect(sources, SELECTION))
    assert "toy t5 held out 90.0 97.0 42.0 operator 95.0, right 80.0" in lines
    assert "toy t5 test 50.0 75.0 -" in lines
    assert "toy t5 own attempts 60.0 - -" in lines


def test_the_page_has_faults_that_remain_and_the_example_whole_and_escaped(sources):
    examples = {("toy", "t5"): "Generator: 1 <b> 2\nCritic:    No."}
    page = refiner.collect(sources, SELECTION, examples).sections()
    assert '<th class="number">operator</th><th class="number">missing step</th>' in page
    assert '<td>critic</td><td class="number">25.0 / 12.5</td><td class="number">10.0</td>' in page
    assert "<summary>toy, t5</summary>\n<pre>Generator: 1 &lt;b&gt; 2\nCritic:    No.</pre>" in page
    assert page.count("<svg") == 1


def test_other_tasks_and_missing_files_are_left_out(sources, tmp_path):
    assert "old" not in " ".join(printed(refiner.collect(sources, SELECTION)))
    empty = refiner.collect(Sources(tmp_path / "nowhere"), SELECTION)
    assert (empty.tables(), empty.sections(), empty.summary(), list(empty.runs)) == ([], "", {}, [])
