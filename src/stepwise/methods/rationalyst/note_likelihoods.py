"""How likely what follows a note is, with the note before it and without, token by token.

The released filter asks a server twice for each note, with the whole text each time. Here one reading of a document
gives the numbers without a note for all its notes, and each note costs a branch of its own tokens and those that follow
it (`forks.py`); with a server both are prompts of their own. The text goes on as text, not as a chat's answer, and the
tokens that follow are the same in both readings.
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
"""Most branch tokens of a document in one forward pass; more are read in several."""

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
    """Both scores of every note, in the notes' order; with a journal a killed pass goes on.

    Raises ScoringError for a note that stands in no document, outside of it, at its very start, or says nothing.
    """
    known = {one.id: one for one in documents}
    for note in notes:
        _check(note, known)
    members = _by_document(notes)
    groups = [(known[name], [notes[number] for number in numbers]) for name, numbers in members.items()]
    if forkable(backend):
        pairs = _on_forks(groups, backend, params, journal)
    else:
        pairs = _on_prompts(groups, backend, params, journal)
    order = [number for numbers in members.values() for number in numbers]
    by_number = dict(zip(order, pairs, strict=True))
    return [
        ScoredRationale(rationale=note, plain=tuple(by_number[number][0]), aided=tuple(by_number[number][1]))
        for number, note in enumerate(notes)
    ]


def tokens_read(
    tokenizer: Any, documents: Sequence[Document], notes: Sequence[Rationale], params: RationalystScoringParams
) -> int:
    """Tokens that a pass over these notes reads on forks: every text once, every note and what follows it."""
    known = {one.id: one for one in documents}
    return sum(
        _task(tokenizer, known[name], [notes[number] for number in numbers], params.tokens).size
        for name, numbers in _by_document(notes).items()
    )


def _by_document(notes: Sequence[Rationale]) -> dict[str, list[int]]:
    """Numbers of the notes of each document."""
    members: dict[str, list[int]] = {}
    for number, note in enumerate(notes):
        members.setdefault(note.document_id, []).append(number)
    return members


def _check(note: Rationale, known: dict[str, Document]) -> None:
    document = known.get(note.document_id)
    if document is None:
        raise ScoringError(f"there is a note of {note.document_id}, which is none of the documents; mine anew")
    if not 0 < note.position < note.end <= len(document.text) or not bracketed(note.text):
        raise ScoringError(
            f"the note of {note.document_id} at {note.position}-{note.end} is empty or has no text before or behind it "
            f"in a document of {len(document.text)} characters; mine anew"
        )


def _on_prompts(
    groups: Sequence[tuple[Document, list[Rationale]]],
    backend: Backend,
    params: RationalystScoringParams,
    journal: Path | None,
) -> list[Pair]:
    """Any backend: two prompts a note."""
    items = []
    for document, several in groups:
        for note in several:
            pieces = _cut(document, several)
            before = tuple(text for start, text in pieces if start < note.position)
            following = document.text[note.position : note.end]
            items += [(before, [following]), ((*before, bracketed(note.text)), [following])]
    found = [list(scores[0][: params.tokens]) for scores in backend.score_many(items, journal=journal)]
    return list(zip(found[::2], found[1::2], strict=True))


def _on_forks(
    groups: Sequence[tuple[Document, list[Rationale]]],
    backend: TransformersBackend,
    params: RationalystScoringParams,
    journal: Path | None,
) -> list[Pair]:
    """A transformers model: each document is read once, about equally long ones together."""
    tasks = [_task(backend.tokenizer, document, several, params.tokens) for document, several in groups]
    order = sorted(range(len(tasks)), key=lambda number: (-len(tasks[number].text), number))
    parts = microbatches([len(tasks[number].text) for number in order], params.batch_tokens)
    batches = [[order[index] for index in part] for part in parts]
    progress = Progress("scoring", len(tasks))
    mark = [weights_hash(backend.model), str(backend.model.dtype)] if journal else []

    def key(batch: Sequence[int]) -> str:
        rows = [[tasks[n].text, tasks[n].starts, tasks[n].heads, tasks[n].tails] for n in batch]
        return journals.content_key("score notes", mark, rows)

    def compute(batch: Sequence[int]) -> list[list[Pair]]:
        chosen = [tasks[number] for number in batch]
        with torch.inference_mode():
            found = read(backend.model, chosen)
        progress.add(len(batch), sum(task.size for task in chosen))
        return found

    pairs: list[list[Pair]] = [[] for _ in tasks]
    for batch, results in journals.run(journal, batches, key, compute, progress):
        for number, found in zip(batch, results, strict=True):
            pairs[number] = found
    return [pair for several in pairs for pair in several]


@dataclass(frozen=True)
class Task:
    """A document as tokens, and for each note: where it stands, its own tokens, and those that follow."""

    text: list[int]
    starts: list[int]
    heads: list[list[int]]
    tails: list[list[int]]

    @property
    def size(self) -> int:
        """Tokens that are read: the text and every branch."""
        return len(self.text) + sum(map(len, self.heads)) + sum(map(len, self.tails))


def read(model: Any, tasks: Sequence[Task]) -> list[list[Pair]]:
    """Both scores of every note of every document, in one clean reading and as few rounds of branches as fit."""
    largest = max(len(head) + len(tail) for task in tasks for head, tail in zip(task.heads, task.tails, strict=True))
    room = max(BRANCH_TOKENS, largest)
    forks = Forks(model, [task.text for task in tasks], room=room)
    # One range a text covers all that follows any note; its scores are cut apart below.
    firsts = [min(task.starts) for task in tasks]
    lasts = [max(start + len(tail) for start, tail in zip(task.starts, task.tails, strict=True)) for task in tasks]
    clean = forks.read([range(first, last) for first, last in zip(firsts, lasts, strict=True)])
    found: list[list[Pair]] = [[([], []) for _ in task.starts] for task in tasks]
    for round_ in _rounds(tasks, room):
        branches = [forks.branch(row, tasks[row].starts[number]) for row, number in round_]
        heads = [tasks[row].heads[number] for row, number in round_]
        tails = [tasks[row].tails[number] for row, number in round_]
        for (row, number), aided in zip(round_, forks.score(branches, heads, tails), strict=True):
            start = tasks[row].starts[number] - firsts[row]
            found[row][number] = (clean[row][start : start + len(aided)], aided)
        forks.rewind()
    return found


def _rounds(tasks: Sequence[Task], room: int) -> Iterator[list[tuple[int, int]]]:
    """Branches (row, number) that are read together: in each row as many as fit into `room` tokens."""
    waiting = [list(range(len(task.starts))) for task in tasks]
    while any(waiting):
        chosen: list[tuple[int, int]] = []
        for row, (task, numbers) in enumerate(zip(tasks, waiting, strict=True)):
            left = room
            while numbers and (size := len(task.heads[numbers[0]]) + len(task.tails[numbers[0]])) <= left:
                left -= size
                chosen.append((row, numbers.pop(0)))
        yield chosen


def _task(tokenizer: Any, document: Document, several: Sequence[Rationale], tokens: int) -> Task:
    pieces = _cut(document, several)
    text: list[int] = encode(tokenizer, ())
    places: dict[int, int] = {}
    for (start, _), ids in zip(pieces, tokenise(tokenizer, [piece for _, piece in pieces]), strict=True):
        places[start] = len(text)
        text += ids
    places[len(document.text)] = len(text)
    starts = [places[note.position] for note in several]
    tails = [text[start : places[note.end]][:tokens] for start, note in zip(starts, several, strict=True)]
    last = max(start + len(tail) for start, tail in zip(starts, tails, strict=True))
    return Task(text[:last], starts, tokenise(tokenizer, [bracketed(note.text) for note in several]), tails)


def _cut(document: Document, several: Sequence[Rationale]) -> list[tuple[int, str]]:
    """The document's pieces (offset, text), cut wherever a note stands or what follows one ends."""
    edges = sorted({0, len(document.text)}.union(*({note.position, note.end} for note in several)))
    return [(start, document.text[start:stop]) for start, stop in pairwise(edges)]
