"""The studies of notes in the report: their tables, examples where they stand, and files that cannot be shown."""

from __future__ import annotations

import io
import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from stepwise.report import Row, build
from stepwise.report.chapters import rationalyst
from stepwise.report.chapters.rationalyst_studies import StudyError, collect

STUDIES = Path(__file__).parents[3] / "studies/metrics"
EVIL = "<script>document.title = 'owned'</script>"


def interval(value):
    return {"value": value, "low": value - 0.5, "high": value + 0.25}


def example(note="First halve.", gain=1.5, *reasons, **more):
    around = {"document": "d", "before": "Of 60 pears", "following": "\nHalf is 30."}
    return {**around, "note": note, "gain": gain, "reasons": reasons, **more}


def kind(**more):
    return {
        "documents": 4,
        "filter": {"notes": 9.0, "kept": 3.0, "kept_share": 1 / 3, "rejected_gain": 5.0, "rejected_answer": 2.0,
                   "rejected_numbers": 1.0, "rejected_copied": 0.0, "gain_mean": -0.125, "gain_kept_mean": 2.0},
        "kept_by_source": {"gsm8k": "3 of 9"},
        "rejected_by_cause": {"misleads": 4, "states the answer": 2},
        "examples_kept": [example(f"Kept {number}.") for number in range(10)],
        "examples_rejected": [example(f"Rejected {number}.", -1.5, "gain", "copied") for number in range(10)],
        **more,
    }  # fmt: skip


def overlap(**more):
    return {"notes": 9, "own_step": 0.5, "other_step": 0.125, **more}


def people(**more):
    return {
        "steps": 7, "overlap": {which: overlap(**more) for which in ("all", "kept", "rejected")},
        "gain_of_notes": interval(0.5), "gain_of_steps": interval(5.0), "notes_minus_steps": interval(-4.5),
        "notes_at_threshold": 0.25, "steps_at_threshold": 0.75, "threshold": 1.2,
    }  # fmt: skip


def mined():
    rows = [example("It is 30.", 0.25, "answer", source="gsm8k", cause="states the answer")]
    rows += [example(f"Look {n}.", -0.25, "gain", source="gsm8k", cause="misleads") for n in range(2)]
    return {
        "model": "small", "documents_of_each_kind": 4,
        "gsm8k": kind(against_people=people()),
        "webtext": kind(kept_by_source={"novel": "1 of 5", "manual": "2 of 4"}),
        "failures": {
            "rules": {"misleads": "it misleads", "states the answer": "the answer is <in> it"},
            "by_cause": {"states the answer": 1, "misleads": 2}, "rows": rows,
        },
    }  # fmt: skip


def scored(scorer, trained):
    writers = ("trained", "untrained", "elsewhere")
    return {
        "scorer": scorer, "logprob_without_note": -1.0,
        "gain": dict(zip(writers, map(interval, (trained, -3.0, -4.0)), strict=True)),
        "helps": dict(zip(writers, (0.5, 0.25, 0.125), strict=True)),
        "trained_minus_untrained": interval(trained + 3.0), "trained_minus_elsewhere": interval(trained + 4.0),
    }  # fmt: skip


def gains():
    notes = {"trained": "Mine.", "untrained": "Its own.", "elsewhere": EVIL}
    unseen = {
        "documents": 2, "places": 6, "empty": {}, "distinct": {},
        "other": scored("agent", 1.0), "filter's": scored("small", 2.0),
        "examples": [{"before": "One.", "following": " Two.", **notes}],
    }  # fmt: skip
    return {"tiny": {"toy": unseen}, "another": {"toy": unseen}}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mined_notes.json").write_text(json.dumps(mined()))
    (tmp_path / "note_gains.json").write_text(json.dumps(gains()))
    return tmp_path


def chapter(folder):
    return rationalyst.collect(folder / "nowhere", ["tiny"], studies=folder)


def printed(folder):
    """Rows of the terminal's tables, cells joined by single spaces."""
    out = io.StringIO()
    for table in chapter(folder).tables():
        Console(file=out, width=140).print(table)
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


class Folded(HTMLParser):
    """The texts of each folded part by its summary; checks that tags nest."""

    def __init__(self, text):
        super().__init__()
        self.parts, self.open = {}, []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "img")
        assert tag != "details" or not attrs, "folded at first"
        if tag not in ("br", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] == ["summary"]:
            self.parts[data] = self.last = []
        elif "details" in self.open and data.strip():
            self.last.append(data.strip())


def page(folder):
    row = Row("warm_up", "toy", "tiny", {"accuracy": 0.5})
    build([row], folder / "none", folder / "none", folder / "out", folder / "out.json", chapters=[chapter(folder)])
    return folder / "out/index.html"


def test_counts_gains_and_overlap_in_the_terminal(folder):
    rows = printed(folder)
    assert "gsm8k 4 9 3 0.33 5 2 1 0 -0.12 2" in rows
    assert "webtext 4 9 3 0.33 5 2 1 0 -0.12 2" in rows
    assert "gsm8k 7 +0.50 [+0.00, +0.75] +5.00 [+4.50, +5.25] -4.50 [-5.00, -4.25] 25 % 75 %" in rows
    assert "gsm8k all 9 50.0 12.5 +37.5" in rows, "an older file has no intervals of the overlap"


def test_the_overlap_is_shown_with_its_intervals_where_the_study_has_them(folder):
    """Means over documents are not those over notes."""
    means = {"own_step_of_documents": 0.5, "other_step_of_documents": 0.5, "own_minus_other": 0.0}
    more = {name: interval(value) for name, value in means.items()}
    (folder / "mined_notes.json").write_text(json.dumps({**mined(), "gsm8k": kind(against_people=people(**more))}))
    assert "gsm8k kept 9 50.0 [0.0, 75.0] 50.0 [0.0, 75.0] +0.0 [-50.0, +25.0]" in printed(folder)


def test_every_writer_is_compared_with_the_trained_one_and_no_note_is_the_zero(folder):
    rows = [line for line in printed(folder) if line.startswith("tiny")]
    assert rows == [
        "tiny toy agent trained 6 +1.0 [+0.5, +1.2] - 50 %",
        "tiny toy agent untrained 6 -3.0 [-3.5, -2.8] +4.0 [+3.5, +4.2] 25 %",
        "tiny toy agent elsewhere 6 -4.0 [-4.5, -3.8] +5.0 [+4.5, +5.2] 12 %",
        "tiny toy agent none 6 0, by definition +1.0 [+0.5, +1.2] -",
    ]
    assert not any("another" in line.split() for line in printed(folder)[-8:]), "runs that are not this run's"
    text = page(folder).read_text()
    assert text.count("<td>small, the filter&#x27;s</td>") == 4, "the filter's own scorer is on the page only"


def test_the_page_folds_notes_where_they_stand_and_escapes_them(folder):
    parts = Folded(page(folder).read_text()).parts
    assert len(parts["gsm8k: 10 kept notes"]) == 40, "gain, text before, note and text after of each"
    assert parts["gsm8k: 10 kept notes"][:4] == ["gain +1.50", "Of 60 pears", "[Kept 0.]", "Half is 30."]
    assert parts["webtext: 10 rejected notes"].count("gain -1.50 (gain, copied)") == 10
    assert parts["webtext: kept by source"] == ["source", "kept", "novel", "1 of 5", "manual", "2 of 4"]
    assert "gsm8k: kept by source" not in parts, "there is one"
    written = parts["tiny, toy: examples of notes (1)"]
    assert written[0] == "One. [...]  Two."
    assert written[-1] == f"[{EVIL}]"


def test_failures_are_sorted_by_cause(folder):
    text = page(folder).read_text()
    counts = "".join(f'<td class="number">{count}</td>' for count in (4, 4, 2))
    assert f"<td>misleads</td>{counts}" in text
    parts = Folded(text).parts
    assert [name for name in parts if name in ("misleads: 2", "states the answer: 1")] == [
        "misleads: 2",
        "states the answer: 1",
    ], "the most frequent first"
    assert parts["states the answer: 1"] == [
        "the answer is <in> it",
        "gsm8k, gain +0.25 (answer)",
        "Of 60 pears",
        "[It is 30.]",
        "Half is 30.",
    ]


def test_numbers_of_studies_are_no_metrics_of_the_run(folder):
    page(folder)
    assert json.loads((folder / "out.json").read_text()).keys() == {"warm_up"}


def test_without_the_files_or_without_runs_the_report_is_as_it_was(folder):
    without = rationalyst.collect(folder / "nowhere", ["tiny"])
    assert rationalyst.collect(folder, ["tiny"], studies=folder / "nowhere") == without
    assert rationalyst.collect(folder, [], studies=folder) == without
    assert without.sections() == ""
    assert without.summary() == {}
    assert without.tables() == []


def test_a_study_that_is_half_done_is_shown_as_far_as_it_is(folder):
    (folder / "note_gains.json").unlink()
    (folder / "mined_notes.json").write_text(json.dumps({"model": "small", "webtext": kind()}))
    assert "webtext 4 9 3 0.33 5 2 1 0 -0.12 2" in printed(folder)
    text = page(folder).read_text()
    assert "why rejected notes failed" in text
    assert "people" not in text
    assert "not trained on" not in text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("mined_notes", '{"model": "small"', r"mined_notes\.json is not JSON .*studies\.mined_notes` makes it again"),
        ("mined_notes", "[]", r"mined_notes\.json is of another shape .*studies\.mined_notes` makes it again"),
        ("mined_notes", '{"gsm8k": {}}', r"\(model: field required\)"),
        ("mined_notes", '{"model": "small", "gsm8k": {"documents": 4}}', r"\(kinds\.gsm8k\.filter: field required\)"),
        (
            "note_gains",
            '{"tiny": {"toy": {"gain": 1}}}',
            r"note_gains\.json is of another shape \(tiny\.toy\.documents",
        ),
        ("note_gains", '"text"', r"studies\.note_gains` makes it again"),
    ],
)
def test_a_file_of_another_shape_is_one_error_with_the_remedy(folder, name, content, message):
    (folder / f"{name}.json").write_text(content)
    with pytest.raises(StudyError, match=message) as caught:
        chapter(folder)
    assert "\n" not in str(caught.value)


def test_the_committed_studies_can_be_shown():
    studies = collect(STUDIES, ["tiny", "smollm2"])
    assert studies.mined is not None
    assert {"gsm8k", "webtext"} <= studies.mined.kinds.keys()
    assert studies.mined.failures is not None
    assert len(studies.mined.failures.rows) == 50
    assert studies.unseen.keys() == {"tiny", "smollm2"}


@pytest.mark.browser
def test_folded_notes_in_a_browser(folder, chromium):
    """The page's own script-like text stays text; what is folded takes no room until it is opened."""
    shown = page(folder)
    dom = chromium(shown, "--dump-dom")
    assert "<title>stepwise: report</title>" in dom
    assert "&lt;script&gt;document.title" in dom
    assert dom.count("<details>") == dom.count("<summary>") == 8
