from __future__ import annotations

import pytest

from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.rationalyst.mining.prompts import guide
from stepwise.methods.rationalyst.mining.released_protocol import fidelity, mine_echo, move_notes, parse
from stepwise.params.rationalyst import RationalystMiningParams
from stepwise.records import Document

TEXT = "Q: How many? A: Two and two. That is four. Done."


def document(text=TEXT, start=0):
    return Document(id="a", source="s", text=text, start=start)


@pytest.mark.parametrize(
    ("output", "text", "notes"),
    [
        ("A. <BOT>n<EOT> B.", "A.  B.", ["n"]),
        ("A.\n<BOT> n\n<EOT>\nB.", "A.\n\nB.", ["n"]),
        ("A.<bot>n< EOT >B.", "A.B.", ["n"]),
        ("A. < BOT > n <EOT>B. <BOT>m<EOT> C.", "A. B.  C.", ["n", "m"]),
        ("A. <BOT>n <BOT>m<EOT> o<EOT> B.", "A.  B.", ["n m o"]),
        ("A. <BOT>n\nB. <BOT>m<EOT> C.", "A. \nB.  C.", ["m"]),
        ("A. <BOT>n", "A. ", []),
        ("A. n<EOT> B.", "A. n B.", []),
        ("A. <BOT> <EOT>B.", "A. B.", []),
        ("A. B.", "A. B.", []),
        ("", "", []),
    ],
)
def test_a_copy_is_read_tolerantly(output, text, notes):
    echo = parse(output)
    assert echo.text == text
    assert [note.text for note in echo.notes] == notes


def test_fidelity_ignores_white_space_and_counts_edits():
    assert fidelity("a b\nc", "abc ") == 1.0
    assert fidelity("0123456789", "012345678") == pytest.approx(0.9)
    assert fidelity("ab", "xyxyxy") == pytest.approx(1 - 6 / 2), "a long wrong copy is below zero"
    assert fidelity(" ", "a") == 0.0


def test_notes_move_to_their_places_in_the_original():
    notes = move_notes(
        document(), parse("Q: How many?  A: Two and two. <BOT>add them<EOT> That is four.\n<BOT>end<EOT>Done.")
    )
    assert [TEXT[note.position : note.end] for note in notes] == [" That is four.", " Done."]
    assert [note.text for note in notes] == ["add them", "end"]


def test_a_copy_with_slips_still_shows_where_its_notes_belong():
    notes = move_notes(document(), parse("Q: How much? A: Two and 2. <BOT>add<EOT> That's four. <BOT>end<EOT> Done."))
    assert [TEXT[note.position : note.end] for note in notes] == [" That is four.", " Done."]


def test_a_note_in_the_question_or_after_all_text_is_dropped():
    start = TEXT.index(" Two")
    echo = parse("<BOT>x<EOT>Q: How <BOT>y<EOT>many? A: <BOT>z<EOT>Two and two. That is four. Done. <BOT>w<EOT>")
    assert [note.text for note in move_notes(document(start=start), echo)] == ["z"]


@pytest.mark.parametrize(("least", "documents"), [(0.9, ["same", "near"]), (1.0, ["same"])])
def test_unfaithful_copies_are_dropped_and_counted(tokenizer, least, documents):
    texts = {"same": "One two three. Four five six.", "near": "Six five four. Three two one.", "far": "Go on. Now."}
    copies = {
        "same": "One two three. <BOT>a<EOT> Four five six.",
        "near": "Six five four. <BOT>b<EOT> Three two one!",
        "far": "Stop it <BOT>c<EOT> Now.",
    }
    backend = ScriptedBackend(
        lambda prompt, _: next(copies[n] for n, text in texts.items() if f"\n\n{text}\n" in prompt)
    )
    originals = [Document(id=name, source="s", text=text) for name, text in texts.items()]
    params = RationalystMiningParams(mode="echo", shots=1, fidelity=least)
    notes, numbers = mine_echo(originals, backend, tokenizer, guide("corpus"), params)
    assert [note.document_id for note in notes] == documents
    assert numbers["unfaithful"] == 3 - len(documents)
    assert numbers["documents_without_notes"] == 3 - len(documents)
