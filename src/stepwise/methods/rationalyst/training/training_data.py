"""What RATIONALYST learns: the text so far is read, the note alone is learned (arXiv 2410.01044, section 3.2).

The released code cuts a long example on the right, where the note is, and splits train from dev by note; here the text
loses its beginning, and all notes of a document are on one side. No torch here.
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
"""Files of the two kinds of documents, and of the judged notes in them."""


class TrainingDataError(StepwiseError, ValueError):
    """Notes that cannot be trained on; the message names the cause and the remedy."""


@dataclass(frozen=True)
class NoteInText:
    """A note and the text before it."""

    id: str
    document: str
    text: str
    note: str


def read(documents: Path, judged: Path) -> tuple[list[Document], list[JudgedRationale]]:
    """The documents of both kinds and the judged notes in them, each from its folder."""
    texts = [one for source in SOURCES for one in read_jsonl(documents / source, Document)]
    return texts, [one for source in SOURCES for one in read_jsonl(judged / source, JudgedRationale)]


def select(
    documents: Sequence[Document], judged: Sequence[JudgedRationale], params: RationalystTrainingParams, *, seed: int
) -> list[NoteInText]:
    """The notes that the parameters name, with the text before each, in the documents' order.

    Raises TrainingDataError for a note of an unknown document, or when none is left.
    """
    texts = {one.id: one.text for one in documents}
    wanted = [one.rationale for one in judged if one.keep or params.notes == "unfiltered"]
    unknown = next((one for one in wanted if one.document_id not in texts), None)
    if unknown is not None:
        raise TrainingDataError(
            f"a note of the document {unknown.document_id} has no document; run `dvc repro rationalyst_filter` again"
        )
    if params.notes == "shuffled":
        wanted = _shuffled(wanted, seed)
    chosen = _share(sorted({one.document_id for one in wanted}), params.share, seed)
    found = [_in_text(one, texts[one.document_id]) for one in wanted if one.document_id in chosen and clean(one.text)]
    if not found:
        raise TrainingDataError(
            f"no note is left of {len(judged)}; lower the thresholds in rationalyst_filter, mine more documents, "
            "or set rationalyst_training.notes to unfiltered"
        )
    return found


def split(notes: Sequence[NoteInText], dev_share: float, seed: int) -> tuple[list[NoteInText], list[NoteInText]]:
    """Train and dev, by document; dev has at least one of two documents, and none of a single one."""
    documents = sorted({one.document for one in notes})
    random.Random(f"{seed}/rationalyst/dev").shuffle(documents)
    held = set(documents[: max(1, round(dev_share * len(documents)))] if len(documents) > 1 else ())
    return [one for one in notes if one.document not in held], [one for one in notes if one.document in held]


def render(notes: Sequence[NoteInText], tokenizer: Any, max_length: int) -> list[Example]:
    """Training examples of at most `max_length` tokens; a text that is too long loses its beginning.

    A note for whose text there is no room at all keeps a single token of it and is left out in training as too long.
    """
    query = query_of(tokenizer)
    around = len(encode(tokenizer, (query.before, query.after))) + 1  # the end token
    lengths = map(len, tokenise(tokenizer, [clean(one.note) for one in notes]))
    rooms = [max(1, max_length - around - length) for length in lengths]
    return [_example(one, query, tokenizer, room) for one, room in zip(notes, rooms, strict=True)]


def _example(note: NoteInText, query: Query, tokenizer: Any, room: int) -> Example:
    read = query.prompt(shortened(tokenizer, note.text.strip(), room))
    spans = (*(Span(text=piece, weight=0.0) for piece in read), Span(text=clean(note.note)))
    return Example(id=note.id, spans=spans)


def _in_text(rationale: Rationale, text: str) -> NoteInText:
    name = f"{rationale.document_id}@{rationale.position}"
    return NoteInText(name, rationale.document_id, text[: rationale.position], rationale.text)


def _shuffled(rationales: Sequence[Rationale], seed: int) -> list[Rationale]:
    """The same texts with each other's notes: each note moves by one place in a random order, so none stays."""
    order = list(range(len(rationales)))
    random.Random(f"{seed}/rationalyst/notes").shuffle(order)
    texts = {place: rationales[order[index - 1]].text for index, place in enumerate(order)}
    return [one.model_copy(update={"text": texts[place]}) for place, one in enumerate(rationales)]


def _share(documents: list[str], share: float, seed: int) -> set[str]:
    """So many of the documents; a smaller share is part of a larger one."""
    random.Random(f"{seed}/rationalyst/share").shuffle(documents)
    return set(documents[: max(1, round(share * len(documents)))])
