"""Token log-probabilities of the text after each note, with the note and without it.

The released filter sends a server the whole text twice for each note. Here one forward pass over a document gives the
scores without a note for all its notes, and each note costs one branch: its own tokens and those that follow it
(`shared_prefix.py`). A server gets both as prompts of their own. The text continues as plain text, not as a chat's
answer, and the scored tokens are the same in both readings.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from stepwise.errors import StepwiseError
from stepwise.generation import journal as journals
from stepwise.generation.base import Backend
from stepwise.generation.engine.batching import microbatches
from stepwise.generation.transformers_backend import TransformersBackend, weights_hash
from stepwise.methods.rationalyst.rendering import bracketed
from stepwise.methods.rationalyst.shared_prefix import Forks, forkable
from stepwise.params.rationalyst import RationalystScoringParams
from stepwise.progress import Progress
from stepwise.records import Document, Rationale, ScoredRationale
from stepwise.tokens import encode, tokenise

BRANCH_TOKENS = 1024
"""Most branch tokens of a document in one forward pass; more take several passes."""

Pair = tuple[list[float], list[float]]
"""Scores without and with a note."""


class ScoringError(StepwiseError, ValueError):
    """Notes that cannot be scored; the message names the note and the remedy."""


def score(
    documents: Sequence[Document],
    notes: Sequence[Rationale],
    backend: Backend,
    params: RationalystScoringParams,
    *,
    journal: Path | None = None,
) -> list[ScoredRationale]:
    """Both scores of every note, in the notes' order. With a journal a killed pass resumes.

    Raises ScoringError for a note whose document is missing, that lies outside it or at its very start, or is empty.
    """
    by_id = {document.id: document for document in documents}
    for note in notes:
        _check(note, by_id)
    members = _by_document(notes)
    groups = [(by_id[name], [notes[number] for number in numbers]) for name, numbers in members.items()]
    if forkable(backend):
        pairs = _with_forks(groups, backend, params, journal)
    else:
        pairs = _with_prompts(groups, backend, params, journal)
    order = [number for numbers in members.values() for number in numbers]
    by_number = dict(zip(order, pairs, strict=True))
    return [
        ScoredRationale(rationale=note, plain=tuple(by_number[number][0]), aided=tuple(by_number[number][1]))
        for number, note in enumerate(notes)
    ]


def tokens_read(
    tokenizer: Any, documents: Sequence[Document], notes: Sequence[Rationale], params: RationalystScoringParams
) -> int:
    """Tokens that a pass over these notes reads with shared prefixes: each text once, each note and what follows it."""
    by_id = {document.id: document for document in documents}
    return sum(
        _scoring_item(tokenizer, by_id[name], [notes[number] for number in numbers], params.tokens).size
        for name, numbers in _by_document(notes).items()
    )


def _by_document(notes: Sequence[Rationale]) -> dict[str, list[int]]:
    """The indices of each document's notes."""
    members: dict[str, list[int]] = {}
    for number, note in enumerate(notes):
        members.setdefault(note.document_id, []).append(number)
    return members


def _check(note: Rationale, by_id: dict[str, Document]) -> None:
    document = by_id.get(note.document_id)
    if document is None:
        raise ScoringError(
            f"a note refers to {note.document_id}, which is not among the documents; mine the notes again"
        )
    if not 0 < note.position < note.end <= len(document.text) or not bracketed(note.text):
        raise ScoringError(
            f"the note of {note.document_id} at {note.position}-{note.end} is empty or has no text before or after it "
            f"in a document of {len(document.text)} characters; mine the notes again"
        )


def _with_prompts(
    groups: Sequence[tuple[Document, list[Rationale]]],
    backend: Backend,
    params: RationalystScoringParams,
    journal: Path | None,
) -> list[Pair]:
    """Any backend: two prompts per note."""
    items = []
    for document, notes in groups:
        for note in notes:
            pieces = _cut(document, notes)
            before = tuple(text for start, text in pieces if start < note.position)
            following = document.text[note.position : note.end]
            items += [(before, [following]), ((*before, bracketed(note.text)), [following])]
    scores = [list(logprobs[: params.tokens]) for (logprobs,) in backend.score_many(items, journal=journal)]
    return list(zip(scores[::2], scores[1::2], strict=True))


def _with_forks(
    groups: Sequence[tuple[Document, list[Rationale]]],
    backend: TransformersBackend,
    params: RationalystScoringParams,
    journal: Path | None,
) -> list[Pair]:
    """A transformers model: each document is read once, together with others of about the same length."""
    scoring = [_scoring_item(backend.tokenizer, document, notes, params.tokens) for document, notes in groups]
    order = sorted(range(len(scoring)), key=lambda number: (-len(scoring[number].text), number))
    parts = microbatches([len(scoring[number].text) for number in order], params.batch_tokens)
    batches = [[order[index] for index in part] for part in parts]
    progress = Progress("scoring", len(scoring))
    fingerprint = [weights_hash(backend.model), str(backend.model.dtype)] if journal else []

    def key(batch: Sequence[int]) -> str:
        rows = [[scoring[n].text, scoring[n].starts, scoring[n].heads, scoring[n].tails] for n in batch]
        return journals.content_key("score notes", fingerprint, rows)

    def compute(batch: Sequence[int]) -> list[list[Pair]]:
        items = [scoring[number] for number in batch]
        with torch.inference_mode():
            results = read(backend.model, items)
        progress.add(len(batch), sum(item.size for item in items))
        return results

    pairs: list[list[Pair]] = [[] for _ in scoring]
    for batch, results in journals.run(journal, batches, key, compute, progress):
        for number, document_pairs in zip(batch, results, strict=True):
            pairs[number] = document_pairs
    return [pair for document_pairs in pairs for pair in document_pairs]


@dataclass(frozen=True)
class ScoringItem:
    """A document as tokens; for each note the token where it starts, its own tokens, and the tokens that follow."""

    text: list[int]
    starts: list[int]
    heads: list[list[int]]
    tails: list[list[int]]

    @property
    def size(self) -> int:
        """Tokens to read: the text and every branch."""
        return len(self.text) + sum(map(len, self.heads)) + sum(map(len, self.tails))


def read(model: Any, items: Sequence[ScoringItem]) -> list[list[Pair]]:
    """Both scores of each document's notes: one pass over the plain texts, then as few rounds of branches as fit."""
    largest = max(len(head) + len(tail) for item in items for head, tail in zip(item.heads, item.tails, strict=True))
    room = max(BRANCH_TOKENS, largest)
    forks = Forks(model, [item.text for item in items], room=room)
    # One range per text covers whatever follows any of its notes; the scores are sliced per note below.
    firsts = [min(item.starts) for item in items]
    lasts = [max(start + len(tail) for start, tail in zip(item.starts, item.tails, strict=True)) for item in items]
    plain = forks.read([range(first, last) for first, last in zip(firsts, lasts, strict=True)])
    pairs: list[list[Pair]] = [[([], []) for _ in item.starts] for item in items]
    for round_ in _rounds(items, room):
        branches = [forks.branch(row, items[row].starts[number]) for row, number in round_]
        heads = [items[row].heads[number] for row, number in round_]
        tails = [items[row].tails[number] for row, number in round_]
        for (row, number), aided in zip(round_, forks.score(branches, heads, tails), strict=True):
            start = items[row].starts[number] - firsts[row]
            pairs[row][number] = (plain[row][start : start + len(aided)], aided)
        forks.rewind()
    return pairs


def _rounds(items: Sequence[ScoringItem], room: int) -> Iterator[list[tuple[int, int]]]:
    """Branches (row, number) that are read together: in each row as many as fit into `room` tokens."""
    waiting = [list(range(len(item.starts))) for item in items]
    while any(waiting):
        together: list[tuple[int, int]] = []
        for row, (item, numbers) in enumerate(zip(items, waiting, strict=True)):
            left = room
            while numbers and (size := len(item.heads[numbers[0]]) + len(item.tails[numbers[0]])) <= left:
                left -= size
                together.append((row, numbers.pop(0)))
        yield together


def _scoring_item(tokenizer: Any, document: Document, notes: Sequence[Rationale], tokens: int) -> ScoringItem:
    pieces = _cut(document, notes)
    text: list[int] = encode(tokenizer, ())
    places: dict[int, int] = {}
    for (start, _), ids in zip(pieces, tokenise(tokenizer, [piece for _, piece in pieces]), strict=True):
        places[start] = len(text)
        text += ids
    places[len(document.text)] = len(text)
    starts = [places[note.position] for note in notes]
    tails = [text[start : places[note.end]][:tokens] for start, note in zip(starts, notes, strict=True)]
    last = max(start + len(tail) for start, tail in zip(starts, tails, strict=True))
    return ScoringItem(text[:last], starts, tokenise(tokenizer, [bracketed(note.text) for note in notes]), tails)


def _cut(document: Document, notes: Sequence[Rationale]) -> list[tuple[int, str]]:
    """The document's pieces (offset, text), cut at every note's position and end."""
    edges = sorted({0, len(document.text)}.union(*({note.position, note.end} for note in notes)))
    return [(start, document.text[start:stop]) for start, stop in pairwise(edges)]
