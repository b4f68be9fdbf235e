"""RATIONALYST's training examples: the text so far is context, the note alone is learned (arXiv 2410.01044, sec. 3.2).

The released code truncates a long example on the right, where the note is, and splits train from dev by note. Here the
text loses its beginning, and all notes of a document are on the same side of the split. No torch here.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwise.errors import StepwiseError
from stepwise.methods.rationalyst.rendering import Query, clean, query_of, shortened
from stepwise.params.rationalyst import RationalystTrainingParams
from stepwise.records import Document, Example, JudgedRationale, Rationale, Span, read_jsonl
from stepwise.tokens import encode, tokenise

SOURCES = ("corpus.jsonl", "reasoning.jsonl")
"""File names of the two kinds of documents, and of the judged notes in them."""


class TrainingDataError(StepwiseError, ValueError):
    """Notes that cannot be trained on; the message names the cause and the remedy."""


@dataclass(frozen=True)
class NotedDocuments:
    """Mined documents, and the judged notes in them."""

    documents: Sequence[Document]
    judged: Sequence[JudgedRationale]


@dataclass(frozen=True)
class NoteInContext:
    """A note and the text before it."""

    id: str
    document: str
    text: str
    note: str


def read(documents: Path, judged: Path) -> NotedDocuments:
    """The documents of both kinds from one folder, and their judged notes from the other."""
    return NotedDocuments(
        [document for source in SOURCES for document in read_jsonl(documents / source, Document)],
        [note for source in SOURCES for note in read_jsonl(judged / source, JudgedRationale)],
    )


def select(data: NotedDocuments, params: RationalystTrainingParams, *, seed: int) -> list[NoteInContext]:
    """The notes that the parameters ask for, each with the text before it, in the documents' order.

    Raises TrainingDataError for a note of an unknown document, or if no note is left.
    """
    texts = {document.id: document.text for document in data.documents}
    rationales = [note.rationale for note in data.judged if note.keep or params.notes == "unfiltered"]
    orphan = next((rationale for rationale in rationales if rationale.document_id not in texts), None)
    if orphan is not None:
        raise TrainingDataError(
            f"a note refers to the document {orphan.document_id}, which does not exist; "
            "run `dvc repro rationalyst_filter` again"
        )
    if params.notes == "shuffled":
        rationales = _shuffled(rationales, seed)
    sampled = _sample_documents(sorted({rationale.document_id for rationale in rationales}), params.share, seed)
    notes = [
        _in_context(rationale, texts[rationale.document_id])
        for rationale in rationales
        if rationale.document_id in sampled and clean(rationale.text)
    ]
    if not notes:
        raise TrainingDataError(
            f"none of {len(data.judged)} notes is left; lower the thresholds in rationalyst_filter, mine more "
            "documents, or set rationalyst_training.notes to unfiltered"
        )
    return notes


def split(
    notes: Sequence[NoteInContext], dev_share: float, seed: int
) -> tuple[list[NoteInContext], list[NoteInContext]]:
    """Train and dev, split by document. With two or more documents dev gets at least one, with a single one none."""
    documents = sorted({note.document for note in notes})
    random.Random(f"{seed}/rationalyst/dev").shuffle(documents)
    held_out = set(documents[: max(1, round(dev_share * len(documents)))] if len(documents) > 1 else ())
    train = [note for note in notes if note.document not in held_out]
    return train, [note for note in notes if note.document in held_out]


def render(notes: Sequence[NoteInContext], tokenizer: Any, max_length: int) -> list[Example]:
    """Training examples of at most `max_length` tokens; a text that is too long loses its beginning.

    A note that leaves no room for its text keeps one token of it, and training drops the example as too long.
    """
    query = query_of(tokenizer)
    overhead = len(encode(tokenizer, (query.before, query.after))) + 1  # the end token
    lengths = map(len, tokenise(tokenizer, [clean(note.note) for note in notes]))
    rooms = [max(1, max_length - overhead - length) for length in lengths]
    return [_example(note, query, tokenizer, room) for note, room in zip(notes, rooms, strict=True)]


def _example(note: NoteInContext, query: Query, tokenizer: Any, room: int) -> Example:
    context = query.prompt(shortened(tokenizer, note.text.strip(), room))
    spans = (*(Span(text=piece, weight=0.0) for piece in context), Span(text=clean(note.note)))
    return Example(id=note.id, spans=spans)


def _in_context(rationale: Rationale, text: str) -> NoteInContext:
    name = f"{rationale.document_id}@{rationale.position}"
    return NoteInContext(name, rationale.document_id, text[: rationale.position], rationale.text)


def _shuffled(rationales: Sequence[Rationale], seed: int) -> list[Rationale]:
    """The same places with each other's notes: notes shift by one in a random order, so none keeps its own."""
    order = list(range(len(rationales)))
    random.Random(f"{seed}/rationalyst/notes").shuffle(order)
    texts = {place: rationales[order[index - 1]].text for index, place in enumerate(order)}
    return [rationale.model_copy(update={"text": texts[place]}) for place, rationale in enumerate(rationales)]


def _sample_documents(documents: list[str], share: float, seed: int) -> set[str]:
    """A share of the documents; a smaller share is a subset of a larger one."""
    random.Random(f"{seed}/rationalyst/share").shuffle(documents)
    return set(documents[: max(1, round(share * len(documents)))])
