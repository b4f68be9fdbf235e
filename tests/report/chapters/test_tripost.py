"""TriPosT's chapter: what its tables say of a round, how a bar is split, and what is left out."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from stepwise.report.chapters import tripost, tripost_tables
from stepwise.report.chapters.tripost import Selection
from stepwise.report.pairs import Pair
from stepwise.statistics import Comparison

SELECTION = Selection(["toy"], ["tiny"], "warm_up", ["continued"], ["round_1", "round_2"])
LAST = {
    "method": "round_2", "task": "toy", "model": "tiny",
    "accuracy": 0.35, "accuracy_low": 0.29, "accuracy_high": 0.42, "accuracy_seen": 0.4, "accuracy_unseen": 0.15,
    "direct": 0.3, "direct_seen": 0.28, "direct_unseen": 0.02,
    "contribution": 0.05, "contribution_low": 0.03, "contribution_high": 0.09, "contribution_seen": 0.04,
    "contribution_unseen": 0.01, "harm": 0.005, "frequency": 0.2, "right_stays_right": 60 / 61,
    "wrong_becomes_right": 10 / 139,
}  # fmt: skip
"""200 problems, 160 of them seen. Right: 64 seen and 6 unseen, of which 8 and 2 were wrong at first; 1 is spoiled."""
PLAIN = {"task": "toy", "model": "tiny", "accuracy": 0.3, "accuracy_seen": 0.35, "accuracy_unseen": 0.1}
EDITS = {
    "task": "toy", "sampled": 100.0, "kept": 80.0, "unchanged": 40.0, "cut": 5.0, "edited": 30.0, "extended": 3.0,
    "stuck": 2.0, "rejected_still_wrong": 7.0, "rejected_prefix": 0.0, "rejected_unreadable_unfinished": 4.0,
}  # fmt: skip
ROUND = {"rows": 70.0, "rows_improvement": 30.0, "rows_other": 20.0, "rows_gold": 20.0, "steps": 9.0, "tokens": 12345.0}


def pair(method, against):
    comparison = Comparison(200, 0.3, 0.35, 0.05, 0.01, 0.09, 0.02, 4, 14)
    return Pair("toy", "tiny", method, against, comparison)


@pytest.fixture
def folder(tmp_path, write):
    write("evaluate/warm_up/toy-tiny.json", {**PLAIN, "method": "warm_up"})
    write("evaluate/round_1/toy-tiny.json", {**LAST, "method": "round_1", "accuracy": 0.32})
    write("evaluate/round_2/toy-tiny.json", LAST)
    write("evaluate/round_2/old-tiny.json", {**LAST, "task": "old"})
    write("tripost/edits/toy-tiny/round_1.json", EDITS)
    write("tripost/rounds/toy-tiny/round_1.json", ROUND)
    write("tripost/baselines/continued/toy-tiny.json", {"examples": 400.0, "steps": 18.0, "tokens": 24000.0})
    return tmp_path


@pytest.fixture
def chapter(folder):
    pairs = [pair("round_2", "continued"), pair("round_1", "continued")]
    return tripost.collect(folder, SELECTION, pairs, {("toy", "tiny"): "Q: 1 <b> 2\nFeedback: wrong"})


def printed(chapter):
    out = io.StringIO()
    console = Console(file=out, width=160)
    for table in chapter.tables():
        console.print(table)
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_a_row_says_what_self_improvement_does_to_the_accuracy(chapter):
    lines = printed(chapter)
    assert "round_2 35.0 [29.0, 42.0] 40.0 15.0 5.0 [3.0, 9.0] 0.5 20.0 98.4 7.2" in lines
    assert "warm_up 30.0 35.0 10.0 - - - - -" in lines, "a model that cannot revise has no contribution"
    starts = [lines.index(next(line for line in lines if line.startswith(name))) for name in ("warm_up", "round_1")]
    assert starts == sorted(starts), "the start model comes first"


def test_only_the_last_round_is_compared(chapter):
    lines = printed(chapter)
    assert "toy tiny round_2 continued +5.0 [+1.0, +9.0] 0.02 yes 200" in lines
    assert not any(line.startswith("toy tiny round_1 continued") for line in lines)


def test_what_became_of_trajectories_adds_up(chapter):
    """40 + 5 + 30 + 3 + 2 are kept and 7 + 4 rejected, of 91 that differ."""
    assert "toy tiny round_1 100 40 5 30 3 2 11" in printed(chapter)
    page = chapter.sections()
    assert "<th>round</th>" in page
    assert '<th class="number">still wrong</th><th class="number">unreadable unfinished</th>' in page
    assert "prefix" not in page, "a reason that never occurs has no column"


def test_rounds_and_baselines_show_what_they_were_trained_on(chapter):
    page = chapter.sections()
    cells = "".join(f'<td class="number">{value}</td>' for value in ("70", "30", "20", "20", "9", "12345", "-"))
    assert f"<td>round_1</td>{cells}" in page
    cells = "".join(f'<td class="number">{value}</td>' for value in ("400", "-", "-", "-", "18", "24000", "-"))
    assert f"<td>continued</td>{cells}" in page


def test_a_bins_accuracy_is_split_as_its_problems_are():
    """Of 160 seen problems, 56 are right at once and 8 in the end; of 40 unseen ones, 4 and 2."""
    assert tripost_tables.shares(LAST, "seen") == pytest.approx((56 / 160, 8 / 160))
    assert tripost_tables.shares(LAST, "unseen") == pytest.approx((4 / 40, 2 / 40))
    assert tripost_tables.shares(PLAIN, "seen") == (0.35, 0.0)
    assert tripost_tables.shares({"accuracy_seen": 0.0, "direct_seen": 0.0, "contribution_seen": 0.0}, "seen") == (0, 0)


def test_the_chart_puts_the_contribution_behind_what_was_right_at_once(chapter):
    """A bar of 240 pixels from 220: 0.35 of it is 84, and 0.05 is 12."""
    page = chapter.sections()
    assert '<rect class="more" x="304.0"' in page
    assert 'width="12.0" height="12"' in page
    assert "35.0 + 5.0 %" in page
    assert page.count("<svg") == 1


def test_the_example_is_whole_and_escaped(chapter):
    assert "<summary>toy, tiny, round_2</summary>\n<pre>Q: 1 &lt;b&gt; 2\nFeedback: wrong</pre>" in chapter.sections()


def test_other_tasks_and_missing_files_are_left_out(folder, write):
    assert "old" not in " ".join(printed(tripost.collect(folder, SELECTION)))
    empty = tripost.collect(folder / "nowhere", SELECTION)
    assert (empty.tables(), empty.sections(), empty.summary(), list(empty.runs)) == ([], "", {}, [])
    (folder / "evaluate/round_2/toy-tiny.json").unlink()
    partly = tripost.collect(folder, SELECTION, [pair("round_1", "continued")])
    assert "toy tiny round_1 continued +5.0 [+1.0, +9.0] 0.02 yes 200" in printed(partly), "judged is what there is"
