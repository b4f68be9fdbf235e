"""RATIONALYST's chapter: its tables, demonstrations that are marked as such, and notes in their place."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from stepwise.records import Document, JudgedRationale, Rationale, write_jsonl
from stepwise.report.chapters import rationalyst

ROW = {
    "chooser": "implicit", "accuracy": 0.5, "accuracy_low": 0.4, "accuracy_high": 0.6, "calls": 9.5,
    "tokens_read": 800.4, "tokens_written": 200.0, "stuck": 0.1, "answerless": 0.0, "over_greedy": 0.05,
    "over_greedy_low": -0.01, "over_greedy_high": 0.11, "over_greedy_p": 0.2,
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, write):
    run = {"method": "rationalyst", "task": "toy", "agent": "a", "choosers": [ROW]}
    write("metrics/supervision/small.json", {**run, "model": "small", "demonstration": True})
    write("metrics/supervision/old.json", {**run, "model": "old", "demonstration": False})
    write("metrics/filter/corpus.json", {"source": "corpus", "notes": 4.0, "kept": 1.0, "gain_mean": 0.25})
    document = Document(id="d", source="s", text="x" * 300 + "One <i>. Two follows.")
    write_jsonl(tmp_path / "notes/documents/corpus.jsonl", [document])
    note = Rationale(document_id="d", source="s", position=308, end=321, text="so <b> it is")
    judged = [JudgedRationale(rationale=note, gain=1.5, keep=True)]
    judged += [JudgedRationale(rationale=note, gain=-1.0, keep=False, reasons=("gain", "copied"))] * 30
    write_jsonl(tmp_path / "notes/judged/corpus.jsonl", judged)
    return tmp_path


@pytest.fixture
def chapter(folder):
    return rationalyst.collect(folder / "metrics", ["small"], folder / "notes")


def test_only_this_runs_tables_are_shown_and_a_demonstration_says_so(chapter):
    out = io.StringIO()
    for table in chapter.tables():
        Console(file=out, width=160).print(table)
    (row,) = [line for line in out.getvalue().splitlines() if "implicit" in line]
    assert " ".join(row.split()) == "implicit 50.0 [40.0, 60.0] +5.0 [-1.0, +11.0] - 9.5 800 200 10 % 0 %"
    assert "small, toy (demonstration, no conclusion)" in out.getvalue()
    assert "old" not in out.getvalue()


def test_the_page_shows_counts_and_notes_in_their_place_escaped(chapter):
    page = chapter.sections()
    assert "demonstration, no conclusion" in page
    counts = "".join(f'<td class="number">{value}</td>' for value in ("4", "1", *["-"] * 5, "0.25", "-"))
    assert f"<td>corpus</td>{counts}" in page, "every count under its name, what is missing as a dash"
    assert "One &lt;i&gt;. <strong>[so &lt;b&gt; it is]</strong> Two follows." in page
    assert page.count("gain -1.00 (gain, copied)") == rationalyst.EXAMPLES
    assert "x" * (rationalyst.AROUND + 1) not in page


def test_accuracy_goes_into_the_metrics_that_dvc_shows(chapter):
    assert chapter.summary() == {"rationalyst_implicit": {"toy": {"small": {"accuracy": 0.5}}}}


def test_without_runs_there_is_no_chapter(folder):
    empty = rationalyst.collect(folder / "metrics", [], folder / "notes")
    assert empty.sections() == ""
    assert empty.tables() == []
    assert rationalyst.collect(folder / "nowhere", ["small"]).runs == []
