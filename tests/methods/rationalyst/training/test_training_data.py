"""Notes as training examples: which are selected, what is context, and what is learned."""

from __future__ import annotations

import pytest

from stepwise.methods.rationalyst.training.training_data import (
    NotedDocuments,
    TrainingDataError,
    read,
    render,
    split,
)
from stepwise.methods.rationalyst.training.training_data import select as select_notes
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params.rationalyst import RationalystTrainingParams
from stepwise.records import Document, JudgedRationale, Rationale, write_jsonl
from stepwise.training.encoding import encode_examples

DOCUMENTS = [
    Document(id=f"d{i}", source="s", text=f"Text {i} is here. And it goes on. Until its end.") for i in range(10)
]
TOKENIZER = build_tokenizer([document.text for document in DOCUMENTS], vocabulary=300)


def judged(document: int, position: int, *, keep: bool = True, text: str = "") -> JudgedRationale:
    note = Rationale(document_id=f"d{document}", source="s", position=position, end=40, text=text or f"note {document}")
    return JudgedRationale(rationale=note, gain=1.0, keep=keep, reasons=() if keep else ("gain",))


NOTES = [judged(i, position) for i in range(10) for position in (15, 31)]
KEPT = RationalystTrainingParams()


def select(notes, params=KEPT):
    return select_notes(NotedDocuments(DOCUMENTS, notes), params, seed=1)


def test_both_kinds_of_documents_are_read_with_their_notes(tmp_path):
    for kind, number in (("reasoning", 2), ("corpus", 1)):
        write_jsonl(tmp_path / "documents" / f"{kind}.jsonl", [DOCUMENTS[number]])
        write_jsonl(tmp_path / "judged" / f"{kind}.jsonl", [judged(number, 15)])
    data = read(tmp_path / "documents", tmp_path / "judged")
    assert [document.id for document in data.documents] == ["d1", "d2"]
    assert [note.rationale.document_id for note in data.judged] == ["d1", "d2"]


def test_kept_notes_are_taken_with_the_text_before_them():
    notes = select([judged(1, 15), judged(2, 15, keep=False)])
    assert [(note.id, note.text, note.note) for note in notes] == [("d1@15", "Text 1 is here.", "note 1")]


def test_all_notes_are_taken_unfiltered():
    unfiltered = RationalystTrainingParams(notes="unfiltered")
    assert len(select([judged(1, 15), judged(2, 15, keep=False)], unfiltered)) == 2


def test_shuffled_notes_stand_in_other_places():
    notes = [judged(i, 15) for i in range(10)]
    shuffled = select(notes, RationalystTrainingParams(notes="shuffled"))
    assert sorted(note.note for note in shuffled) == sorted(note.rationale.text for note in notes)
    assert all(note.note != f"note {note.document[1:]}" for note in shuffled)


def test_a_smaller_share_is_part_of_a_larger_one():
    sets = [
        {note.document for note in select(NOTES, RationalystTrainingParams(share=share))} for share in (0.1, 0.3, 1.0)
    ]
    assert [len(documents) for documents in sets] == [1, 3, 10]
    assert sets[0] < sets[1] < sets[2]


def test_a_document_is_on_one_side():
    train, dev = split(select(NOTES), 0.2, seed=1)
    assert (len(train), len(dev)) == (16, 4)
    assert not {note.document for note in train} & {note.document for note in dev}
    alone = select([judged(1, 15)])
    assert split(alone, 0.2, seed=1) == (alone, [])


def test_only_the_note_and_the_end_are_learned():
    (example,) = render(select([judged(1, 15)]), TOKENIZER, 100)
    assert [span.text for span in example.spans] == ["Text 1 is here.", " [", "note 1"]
    (encoded,), _ = encode_examples(TOKENIZER, [example], max_length=100)
    learned = [token for token, weight in zip(encoded.tokens, encoded.weights, strict=True) if weight]
    assert TOKENIZER.decode(learned[:-1]) == "note 1"
    assert learned[-1] == TOKENIZER.eos_token_id


def test_a_long_text_loses_its_beginning_and_never_the_note():
    notes = select([judged(1, 31)])
    length = encode_examples(TOKENIZER, render(notes, TOKENIZER, 100), max_length=100)[0][0].length
    (example,) = render(notes, TOKENIZER, length - 3)
    (encoded,), left_out = encode_examples(TOKENIZER, [example], max_length=length - 3)
    assert not left_out
    assert example.spans[-1].text == "note 1"
    assert notes[0].text.endswith(example.spans[0].text)
    assert encoded.length <= length - 3


def test_nothing_to_learn_is_one_clear_error():
    with pytest.raises(TrainingDataError, match="thresholds"):
        select([judged(1, 15, keep=False)])
    with pytest.raises(TrainingDataError, match="d99"):
        select([judged(99, 15)])
