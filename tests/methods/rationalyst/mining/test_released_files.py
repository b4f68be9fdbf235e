"""The released formats and rules, by vectors written by hand from their description."""

from __future__ import annotations

import json

import pytest

from stepwise.methods.rationalyst.mining.released_files import read, reconstruction, same_letters, triples
from stepwise.methods.rationalyst.mining.released_protocol import fidelity, parse
from stepwise.records import RecordError

OUTPUT = "Q? A: <BOT>first<EOT> one. <BOT>second<EOT> two."


def test_triples_hold_what_precedes_and_follows_each_note():
    found = [(one.preceeding, one.rationale, one.following, one.left_step) for one in triples(OUTPUT)]
    assert found == [("Q? A: ", "first", " one. ", 2), ("Q? A:  one. ", "second", " two.", 1)]


def test_a_note_that_is_not_closed_leaks_into_what_precedes_later_ones():
    found = triples("Q? <BOT>open\none. <BOT>n<EOT> two.")
    assert [(one.preceeding, one.left_step) for one in found] == [("Q? open\none. ", 1)]
    assert parse("Q? <BOT>open\none. <BOT>n<EOT> two.").text == "Q? \none.  two.", "the tolerant reading drops it"


def test_the_released_reconstruction_knows_tags_behind_a_space_only():
    assert reconstruction(OUTPUT) == "Q? A: one. two."
    behind_line = "Q?\n<BOT>n<EOT>A."
    assert reconstruction(behind_line) == behind_line
    assert fidelity("Q?\nA.", reconstruction(behind_line)) < 0
    assert fidelity("Q?\nA.", parse(behind_line).text) == 1.0
    assert reconstruction("A. <BOT>lost B.") == "A.", "a piece without a closing tag contributes nothing"


def test_the_first_release_asked_for_equality_but_for_white_space():
    assert same_letters("a b\nc", "ab c")
    assert not same_letters("abc", "abd")


def row(**more):
    return {"preceeding": "Two and two. ", "rationale": " add\nthem ", "following": " Four.", **more}


def written(tmp_path, *rows):
    path = tmp_path / "released.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def test_a_row_becomes_a_document_with_its_note(tmp_path):
    (triple,) = read(written(tmp_path, row(left_step=2, previous_tokens=["x"])))
    document, note = triple.document("gsm8k"), triple.note("gsm8k")
    assert document.text == "Two and two. Four."
    assert document.text[note.position : note.end] == " Four."
    assert (note.document_id, note.source, note.text) == (document.id, "gsm8k", "add them")
    assert triple.scored("gsm8k") is None
    assert triple.judged("gsm8k") is None


def test_scores_and_judgement_come_along(tmp_path):
    scores = {
        "is_correct": False, "perplexity_without_rationale": -3.0, "perplexity_with_rationale": -4.5,
        "perplexity_without_rationale_list": [-1.0, -2.0], "perplexity_with_rationale_list": [-2.0, -2.5],
    }  # fmt: skip
    (triple,) = read(written(tmp_path, row(**scores)))
    scored, judged = triple.scored("ecqa"), triple.judged("ecqa")
    assert (scored.plain, scored.aided) == ((-1.0, -2.0), (-2.0, -2.5))
    assert (judged.gain, judged.keep, judged.reasons) == (-1.5, False, ("gain",))


def test_a_row_that_is_no_triple_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"released\.jsonl, line 2: rationale"):
        list(read(written(tmp_path, row(), {"preceeding": "x"})))
