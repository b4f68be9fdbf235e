"""The released format, by rows written by hand from its description."""

from __future__ import annotations

import json

import pytest

from stepwise.methods.rationalyst.released_files import Triple, main
from stepwise.records import Document, JudgedRationale, Rationale, ScoredRationale, read_jsonl

SCORES = {
    "is_correct": False, "perplexity_without_rationale": -3.0, "perplexity_with_rationale": -4.5,
    "perplexity_without_rationale_list": [-1.0, -2.0], "perplexity_with_rationale_list": [-2.0, -2.5],
}  # fmt: skip


def row(**more):
    return {"preceeding": "Two and two. ", "rationale": " add\nthem ", "following": " Four.", **more}


def convert(tmp_path, *rows):
    path = tmp_path / "released.jsonl"
    path.write_text("".join(json.dumps(content) + "\n" for content in rows))
    main([str(path), str(tmp_path / "out"), "--kind", "reasoning", "--source", "gsm8k"])
    return tmp_path / "out"


def test_a_row_becomes_a_document_with_its_note(tmp_path, capsys):
    out = convert(tmp_path, row(left_step=2, previous_tokens=["x"]))
    (document,) = read_jsonl(out / "documents" / "reasoning.jsonl", Document)
    (note,) = read_jsonl(out / "mined" / "reasoning.jsonl", Rationale)
    assert document.text == "Two and two. Four."
    assert document.text[note.position : note.end] == " Four."
    assert (note.document_id, note.source, note.text) == (document.id, "gsm8k", "add them")
    assert capsys.readouterr().out == "documents: 1\nmined: 1\n"
    assert sorted(path.name for path in out.iterdir()) == ["documents", "mined"], "it has no scores"


def test_scores_and_judgement_are_converted(tmp_path):
    out = convert(tmp_path, row(**SCORES))
    (scored,) = read_jsonl(out / "scored" / "reasoning.jsonl", ScoredRationale)
    (judged,) = read_jsonl(out / "judged" / "reasoning.jsonl", JudgedRationale)
    assert (scored.plain, scored.aided) == ((-1.0, -2.0), (-2.0, -2.5))
    assert (judged.gain, judged.keep, judged.reasons) == (-1.5, False, ("gain",))


def test_several_notes_of_one_text_share_a_document(tmp_path):
    out = convert(tmp_path, row(), row(rationale="count"), row(following=" 4."))
    assert len(read_jsonl(out / "documents" / "reasoning.jsonl", Document)) == 2
    assert len(read_jsonl(out / "mined" / "reasoning.jsonl", Rationale)) == 3


def test_a_text_without_double_space_is_kept_as_it_is():
    triple = Triple(preceeding="Two and two.\n", rationale="add", following="Four.")
    assert triple.document("s").text == "Two and two.\nFour."


def test_a_row_that_is_not_a_triple_is_named(tmp_path, capsys):
    with pytest.raises(SystemExit):
        convert(tmp_path, row(), {"preceeding": "x"})
    assert "released.jsonl, line 2: rationale" in capsys.readouterr().err
