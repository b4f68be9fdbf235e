"""Rules that name why a note failed, overlap with a step, and intervals over documents."""

from __future__ import annotations

import pytest

from stepwise.methods.rationalyst.mining.mine import Place
from stepwise.records import Document, JudgedRationale, Rationale
from stepwise.report.chapters.rationalyst_studies import Failures, Kind, Overlap, Scored
from studies.mined_notes import MinedNotes, failures, figures, overlap
from studies.note_gains import describe, notes_of_next_document
from studies.shared.document_means import mean
from studies.shared.note_causes import CAUSES, cause, share

TEXT = "Question: Tom picks 6 pears a day for 7 days. How many pears is that?\nAnswer:"
STEP = "\nHe picks 6 * 7 = 42 pears."
DOCUMENT = Document(id="d", source="gsm8k", text=TEXT + STEP, answer="42", start=len(TEXT))
EXAMPLE = "Next write the sum of both ages as an equation, because the total is given."


def judged(text: str, gain: float = -1.0, *reasons: str) -> JudgedRationale:
    note = Rationale(document_id="d", source="gsm8k", position=len(TEXT), end=len(DOCUMENT.text), text=text)
    return JudgedRationale(rationale=note, gain=gain, keep=False, reasons=reasons or ("gain",))


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (judged("It is 42.", 3.0, "answer", "numbers"), "states the answer"),
        (judged("There are 13 baskets.", 3.0, "numbers"), "states a new number"),
        (judged("Say that he picks 6 * 7 pears.", 3.0, "copied"), "copies what follows"),
        (judged("We ask how many pears is that."), "repeats the text"),
        (judged("Find the price because the sum of both ages as it is."), "repeats an example"),
        (judged("Said before."), "repeats a note"),
        (judged("Look at the apples."), "about something else"),
        (judged("Multiply to count the pear harvest.", 0.5), "helps too little"),
        (judged("Multiply to count the pear harvest.", -0.5), "misleads"),
    ],
)
def test_the_first_rule_that_holds_names_the_cause(note, expected):
    assert cause(DOCUMENT, note, [EXAMPLE], {"Said before."}) == expected
    assert expected in CAUSES


def test_the_overlap_counts_content_words_and_numbers_by_value():
    # pears, picks, 6 and 8 are said; the step has three of the four
    assert share("First he picks 6.0 or 8 pears.", STEP) == 3 / 4
    assert share("It is so.", STEP) is None


def test_a_mean_over_documents_weighs_each_document_once():
    interval = mean([("a", 1.0), ("a", 3.0), ("b", 8.0)])
    assert interval["value"] == 5.0
    assert (interval["low"], interval["high"]) == (2.0, 8.0)


def test_every_note_moves_to_another_document():
    texts = [Document(id=name, source="s", text="x" * 9) for name in "abc"]
    spots = [(texts[0], Place(1, 2)), (texts[0], Place(2, 3)), (texts[1], Place(1, 2)), (texts[2], Place(1, 2))]
    assert notes_of_next_document(spots, ["a0", "a1", "b0", "c0"]) == ["b0", "b0", "c0", "a0"]


def test_before_the_answer_line_there_is_nothing_left_to_find():
    text = TEXT + STEP + "\nTherefore, the answer is: 42"
    document = DOCUMENT.model_copy(update={"text": text})
    place = {"position": len(TEXT + STEP), "end": len(text)}
    note = judged("Find the apples.")
    late = note.model_copy(update={"rationale": note.rationale.model_copy(update=place)})
    assert cause(document, late, [EXAMPLE], ()) == "goes on at the end"


def test_the_overlap_over_documents_weighs_each_document_once():
    """Document d has a note that says only what the step says and one that does not; e has one of the first kind."""
    there, not_there = judged("Picks 42 pears."), judged("Baskets.")
    other = there.model_copy(update={"rationale": there.rationale.model_copy(update={"document_id": "e"})})
    shares = overlap([(there, STEP), (not_there, STEP), (other, STEP)], ["Nothing."] * 3, None)
    assert (shares["notes"], shares["own_step"], shares["other_step"]) == (3, 2 / 3, 0.0)
    assert shares["own_step_of_documents"] == {"value": 0.75, "low": 0.5, "high": 1.0}
    assert shares["own_minus_other"]["value"] == 0.75
    assert Overlap.model_validate(shares).other_step_of_documents is not None
    assert overlap([(judged("So."), STEP)], ["Nothing."], None) == {"notes": 1, "own_step": 0.0, "other_step": 0.0}


def test_the_report_reads_what_the_studies_write():
    kept = judged("Multiply to count the pears.", 2.0).model_copy(update={"keep": True, "reasons": ()})
    mined = MinedNotes("gsm8k", [DOCUMENT], [kept, judged("It is 42.", 3.0, "answer"), judged("Look at apples.")], {})
    kind = Kind.model_validate(figures(mined))
    assert (kind.documents, kind.filter["notes"], kind.filter["rejected_answer"]) == (1, 3, 1)
    assert [example.note for example in kind.examples_kept] == ["Multiply to count the pears."]
    assert [example.reasons for example in kind.examples_rejected] == [("answer",), ("gain",)]
    some = Failures.model_validate(failures([mined], 50))
    assert [(row.source, row.cause) for row in some.rows] == [
        ("gsm8k", "states the answer"),
        ("gsm8k", "about something else"),
    ]
    assert some.by_cause.keys() == kind.rejected_by_cause.keys() <= some.rules.keys()

    spots = [(DOCUMENT, Place(1, 2)), (DOCUMENT, Place(2, 3))]
    gains = describe(spots, {"trained": [1.0, 2.0], "untrained": [0.0, -1.0], "elsewhere": [1.0, 0.0]})
    scored = Scored.model_validate({"scorer": "agent", **gains})
    assert (scored.trained_minus_untrained.value, scored.trained_minus_elsewhere.value) == (2.0, 1.0)
    assert scored.helps.elsewhere == 0.5
