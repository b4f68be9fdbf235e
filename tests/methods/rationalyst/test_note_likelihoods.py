from __future__ import annotations

import pytest
import torch

from stepwise.generation.scripted import ScriptedBackend
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.rationalyst import note_likelihoods
from stepwise.methods.rationalyst.note_likelihoods import ScoringError, score
from stepwise.params.rationalyst import RationalystScoringParams
from stepwise.records import Document, Rationale

TEXTS = {
    "a": "Ann has 3 pears. She eats one. Two are left.",
    "b": "It rains. So go home.",
    "c": "One two three. Four five six. Seven eight nine.",
}


def documents():
    return [Document(id=name, source="s", text=text) for name, text in TEXTS.items()]


def note(name, before, length=None, text="as it is"):
    position = TEXTS[name].index(before)
    end = len(TEXTS[name]) if length is None else position + length
    return Rationale(document_id=name, source="s", position=position, end=end, text=text)


@pytest.fixture
def notes():
    return [
        note("a", " She", 14, "she is hungry"),
        note("a", " She"),
        note("a", " Two"),
        note("c", " Four", 15),
        note("b", " So", text="rain makes wet"),
        note("c", " Seven"),
    ]


@pytest.fixture(params=["llama", "gpt2"])
def backend(request, tokenizer):
    return TransformersBackend(request.getfixturevalue(request.param), tokenizer, batch_tokens=4000)


def from_scratch(model, before, following):
    """Byte-level tokens: two texts one after the other are tokens one after the other."""
    ids = torch.tensor([[byte + 2 for byte in _places(before + following)]])
    with torch.no_grad():
        logprobs = model(ids).logits[0].log_softmax(-1)
    start = len(before)
    return [float(logprobs[place - 1, ids[0, place]]) for place in range(start, start + len(following))]


def _places(text):
    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return [alphabet.index("Ġ" if char == " " else char) for char in text]


def test_both_scores_equal_those_of_two_full_passes(backend, notes):
    results = score(documents(), notes, backend, RationalystScoringParams(batch_tokens=60))
    assert [scored.rationale for scored in results] == notes
    for scored in results:
        note, text = scored.rationale, TEXTS[scored.rationale.document_id]
        before, following = text[: note.position], text[note.position : note.end]
        assert len(scored.plain) == len(scored.aided) == len(following)
        assert scored.plain == pytest.approx(from_scratch(backend.model, before, following), abs=1e-4)
        aided = from_scratch(backend.model, f"{before} [{note.text}]", following)
        assert scored.aided == pytest.approx(aided, abs=1e-4)


def test_a_document_is_read_once_and_each_note_costs_its_branch(backend, notes, monkeypatch):
    read = []
    forward = backend.model.forward
    monkeypatch.setattr(
        backend.model, "forward", lambda *a, **k: (read.append(k["input_ids"].numel()), forward(*a, **k))[1]
    )
    of_one_document = notes[:3]
    score(documents(), of_one_document, backend, RationalystScoringParams())
    branches = sum(len(f" [{note.text}]") + note.end - note.position for note in of_one_document)
    assert sum(read) == len(TEXTS["a"]) + branches


def test_branches_that_do_not_fit_one_pass_are_read_in_several(backend, notes, monkeypatch):
    whole = score(documents(), notes, backend, RationalystScoringParams())
    monkeypatch.setattr(note_likelihoods, "BRANCH_TOKENS", 1)
    several = score(documents(), notes, backend, RationalystScoringParams())
    for left, right in zip(whole, several, strict=True):
        assert left.aided == pytest.approx(right.aided, abs=1e-4)


def test_only_so_many_tokens_of_what_follows_are_scored(backend, notes):
    whole = score(documents(), notes, backend, RationalystScoringParams())
    short = score(documents(), notes, backend, RationalystScoringParams(tokens=5))
    for long, cut in zip(whole, short, strict=True):
        assert len(cut.plain) == 5
        assert cut.plain == pytest.approx(long.plain[:5], abs=1e-4)
        assert cut.aided == pytest.approx(long.aided[:5], abs=1e-4)


def test_any_backend_gives_the_same_scores_with_two_prompts_per_note(backend, notes, monkeypatch):
    forked = score(documents(), notes, backend, RationalystScoringParams(tokens=9))
    monkeypatch.setattr(note_likelihoods, "forkable", lambda _: False)
    prompted = score(documents(), notes, backend, RationalystScoringParams(tokens=9))
    for left, right in zip(forked, prompted, strict=True):
        assert left.plain == pytest.approx(right.plain, abs=1e-4)
        assert left.aided == pytest.approx(right.aided, abs=1e-4)


def test_a_pass_resumes_from_its_journal_with_the_same_bytes(backend, notes, tmp_path, monkeypatch):
    small, journal = RationalystScoringParams(batch_tokens=50), tmp_path / "journal.jsonl"
    whole = score(documents(), notes, backend, small, journal=journal)
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 3
    journal.write_bytes(b"".join(lines[:2]) + lines[2][:9])
    read = []
    forward = backend.model.forward
    monkeypatch.setattr(backend.model, "forward", lambda *a, **k: (read.append(1), forward(*a, **k))[1])
    assert score(documents(), notes, backend, small, journal=journal) == whole
    assert len(read) == 2, "a single document is read again: its text and its branches"
    assert journal.read_bytes() == b"".join(lines)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"document_id": "z"}, "a note refers to z, which is not among the documents"),
        ({"position": 0}, "the note of a at 0-44"),
        ({"end": 99}, "in a document of 44 characters"),
        ({"text": " "}, "is empty or has no text before or after it"),
    ],
)
def test_a_note_that_cannot_be_scored_is_named(bad, message):
    with pytest.raises(ScoringError, match=message):
        score(documents(), [note("a", " She").model_copy(update=bad)], ScriptedBackend({}), RationalystScoringParams())


def test_no_notes_have_no_scores(backend):
    assert score(documents(), [], backend, RationalystScoringParams()) == []
