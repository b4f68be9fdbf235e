from __future__ import annotations

import pytest

from stepwise.generation.scripted import ScriptedBackend
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.rationalyst.mining.mine import Draft, Place, mine, mine_woven, places, tidy
from stepwise.methods.rationalyst.mining.prompts import Layout, guide
from stepwise.params.rationalyst import RationalystMiningParams
from stepwise.records import Document

TEXT = "Ann has 3 pears. She eats one. Two are left. She buys five. Now she has seven."
SOLVED = "Question: Is it. So?\nAnswer:\nIt is one.\nSo two."
LAYOUT = Layout("Say why. ", " Why? ")


def document(text=TEXT, start=0, name="a"):
    return Document(id=name, source="s", text=text, start=start)


def params(**more):
    return RationalystMiningParams(**{"notes": 8, "sentences": 1, "new_tokens": 12, **more})


def cut(document, note_places):
    return [document.text[place.position : place.end] for place in note_places]


def test_each_sentence_border_gets_a_note_that_helps_with_the_next_sentence():
    assert cut(document(), places(document(), params())) == [
        " She eats one.",
        " Two are left.",
        " She buys five.",
        " Now she has seven.",
    ]


def test_what_a_note_should_help_with_is_a_number_of_sentences_or_all_up_to_the_next():
    assert cut(document(), places(document(), params(sentences=2)))[::3] == [
        " She eats one. Two are left.",
        " Now she has seven.",
    ]
    sparse = places(document(), params(sentences=0, notes=2))
    assert cut(document(), sparse) == [" She eats one. Two are left.", " She buys five. Now she has seven."]


def test_notes_are_capped_at_even_distances():
    text = " ".join(f"Sentence {number} is here." for number in range(9))
    assert cut(document(text), places(document(text), params(notes=4))) == [
        f" Sentence {number} is here." for number in (1, 3, 5, 7)
    ]


def test_mining_begins_after_the_question_and_before_the_first_step():
    start = SOLVED.index("It is one")
    assert cut(document(SOLVED), places(document(SOLVED, start), params())) == ["\nIt is one.", "\nSo two."]


@pytest.mark.parametrize("text", ["", "One sentence.", "   ", "One sentence.\n\n"])
def test_a_place_needs_text_before_and_after(text):
    assert places(document(text), params()) == []


@pytest.mark.parametrize(
    ("text", "finished", "note"),
    [
        (' Note: "Count them first."', True, "Count them first."),
        ("Count  them first", True, "Count them first."),
        ("Why?", True, "Why?"),
        ("Count them and", False, ""),
        ("Count them.", False, ""),
        (" ... ", True, ""),
        ("", True, ""),
    ],
)
def test_notes_are_tidied(text, finished, note):
    assert tidy(Draft(text, finished)) == note


def test_notes_that_were_cut_off_may_be_kept():
    assert tidy(Draft("Count them and", finished=False), whole=False) == "Count them and."
    assert tidy(Draft(" .", finished=False), whole=False) == ""


def test_any_backend_reads_the_text_so_far_between_prefix_and_opening():
    backend = ScriptedBackend(lambda prompt, _: "No idea. Really" if "Two" not in prompt else "\n")
    notes, numbers = mine_woven([document(), document("x", name="b")], backend, LAYOUT, params())
    assert backend.prompts[1] == "Say why. Ann has 3 pears. She eats one. Why? "
    assert [(note.document_id, note.position, note.text) for note in notes] == [
        ("a", TEXT.index(" She eats"), "No idea."),
        ("a", TEXT.index(" Two"), "No idea."),
    ]
    assert numbers == {
        "documents": 2, "documents_without_notes": 1, "asked": 4, "notes": 2, "empty": 2, "cut_off": 0, "fidelity": 1,
    }  # fmt: skip


@pytest.fixture
def documents():
    texts = ["Bob sings. Ann hums. All is well.", "It rains. So what? Go home. Or stay. Well.", "No border here"]
    return [document(), *(document(text, name=text[:3]) for text in texts)]


@pytest.fixture(params=["llama", "gpt2"])
def backend(request, tokenizer):
    return TransformersBackend(request.getfixturevalue(request.param), tokenizer, batch_tokens=4000)


def test_branches_write_the_same_notes_as_separate_prompts(backend, documents, monkeypatch):
    """Random weights that end at many steps; small batches, so that documents are split over several."""
    together, numbers = mine_woven(documents, backend, LAYOUT, params(batch_tokens=300))
    monkeypatch.setattr("stepwise.methods.rationalyst.mining.mine.forkable", lambda _: False)
    assert mine_woven(documents, backend, LAYOUT, params()) == (together, numbers)
    assert together
    assert numbers["asked"] == 10


def test_a_pass_resumes_from_its_journal_with_the_same_notes(backend, documents, tmp_path, monkeypatch):
    small = params(batch_tokens=200)
    whole = mine_woven(documents, backend, LAYOUT, small)
    journal = tmp_path / "journal.jsonl"
    assert mine_woven(documents, backend, LAYOUT, small, journal=journal) == whole
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) > 1
    journal.write_bytes(lines[0] + lines[1][:20])
    calls = []
    forward = backend.model.forward
    monkeypatch.setattr(backend.model, "forward", lambda *a, **k: (calls.append(1), forward(*a, **k))[1])
    assert mine_woven(documents, backend, LAYOUT, small, journal=journal) == whole
    assert journal.read_bytes() == b"".join(lines)
    passes = len(calls)
    assert mine_woven(documents, backend, LAYOUT, small, journal=journal) == whole
    assert len(calls) == passes, "what is in the journal is not generated again"
    assert mine_woven(documents, backend, LAYOUT, params(batch_tokens=200, new_tokens=3), journal=journal) != whole


def test_the_mode_chooses_the_protocol(tokenizer):
    text = "One two. Three four."
    backend = ScriptedBackend(lambda prompt, _: "One two. <BOT>n<EOT> Three four." if "Copy" in prompt else "Woven. ")
    for mode, expected in (("echo", "n"), ("woven", "Woven.")):
        notes, _ = mine([document(text)], backend, tokenizer, guide("corpus"), params(mode=mode, shots=1))
        assert [(note.text, note.position, note.end) for note in notes] == [(expected, 8, 20)]


def test_a_place_is_inside_the_document():
    assert all(0 < place.position < place.end <= len(TEXT) for place in places(document(), params()))
    assert Place(1, 2) == Place(1, 2)
