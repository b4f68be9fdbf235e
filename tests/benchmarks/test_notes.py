"""Rules that name why a note failed, overlap with a step, and intervals over documents."""

from __future__ import annotations

import pytest

from benchmarks.by_document import mean
from benchmarks.note_causes import CAUSES, cause, share
from benchmarks.note_gains import moved
from stepwise.methods.rationalyst.mining import Place
from stepwise.records import Document, JudgedRationale, Rationale

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
    found = mean([("a", 1.0), ("a", 3.0), ("b", 8.0)])
    assert found["value"] == 5.0
    assert (found["low"], found["high"]) == (2.0, 8.0)


def test_every_note_moves_to_another_document():
    texts = [Document(id=name, source="s", text="x" * 9) for name in "abc"]
    spots = [(texts[0], Place(1, 2)), (texts[0], Place(2, 3)), (texts[1], Place(1, 2)), (texts[2], Place(1, 2))]
    assert moved(spots, ["a0", "a1", "b0", "c0"]) == ["b0", "b0", "c0", "a0"]


def test_before_the_answer_line_there_is_nothing_left_to_find():
    text = TEXT + STEP + "\nTherefore, the answer is: 42"
    document = DOCUMENT.model_copy(update={"text": text})
    place = {"position": len(TEXT + STEP), "end": len(text)}
    note = judged("Find the apples.")
    late = note.model_copy(update={"rationale": note.rationale.model_copy(update=place)})
    assert cause(document, late, [EXAMPLE], ()) == "goes on at the end"
