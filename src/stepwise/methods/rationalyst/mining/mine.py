"""Notes between the sentences of documents, written by an instruct model. The text itself never changes.

In the released protocol the model copies each document and inserts notes into the copy; a tenth to a fifth of the
copies differ from the original and are discarded (`released_protocol.py`). Here the text is fixed and only the notes
are generated, all notes of a document in parallel on one forward pass over it (`shared_prefix.py`). A server gets each
note as a prompt of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, islice, pairwise
from pathlib import Path
from typing import Any

import torch

from stepwise.generation import journal as journals
from stepwise.generation.base import Backend, Sampling
from stepwise.generation.engine.batching import microbatches
from stepwise.generation.engine.stopping import Stopping
from stepwise.generation.transformers_backend import TransformersBackend, weights_hash
from stepwise.methods.rationalyst.mining.prompts import Guide, Layout, note_layout
from stepwise.methods.rationalyst.mining.released_protocol import mine_echo
from stepwise.methods.rationalyst.sentences import borders
from stepwise.methods.rationalyst.shared_prefix import Forks, forkable
from stepwise.params.rationalyst import RationalystMiningParams
from stepwise.progress import Progress
from stepwise.records import Document, Rationale
from stepwise.tokens import encode, tokenise

STOP = ("\n", ". ", "! ", "? ")
"""A note is one sentence on one line."""
_LABEL = re.compile(r"^(?:(?:unsaid )?(?:note|thought|rationale)\s*:|<BOT>)\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """Where a note goes, and where the text that it should help with ends; offsets into the document."""

    position: int
    end: int


@dataclass(frozen=True)
class PlacedDocument:
    """A document and the places for its notes."""

    document: Document
    places: list[Place]

    @property
    def pieces(self) -> list[str]:
        """The text up to the last place, cut at the places: before place k come the first k + 1 pieces."""
        edges = [0, *(place.position for place in self.places)]
        return [self.document.text[start:stop] for start, stop in pairwise(edges)]


@dataclass(frozen=True)
class Draft:
    """What the model wrote at a place, and whether it ended by itself."""

    text: str
    finished: bool


def places(document: Document, params: RationalystMiningParams) -> list[Place]:
    """Sentence borders after the document's `start`, at most `params.notes` of them, evenly spaced.

    There is text before and after each border; white space between sentences belongs to what follows.
    """
    text = document.text
    first = len(text[: document.start].rstrip())
    cuts = sorted({first, *(border for border in borders(text) if border > first)} - {0})
    cuts = [cut for cut in cuts if text[cut:].strip()]
    size = min(len(cuts), params.notes)
    indices = [number * len(cuts) // size for number in range(size)]
    edges = [*cuts, len(text)]
    ends = [*indices[1:], len(cuts)]
    if params.sentences:
        ends = [min(index + params.sentences, len(cuts)) for index in indices]
    return [Place(cuts[index], edges[end]) for index, end in zip(indices, ends, strict=True)]


def mine(
    documents: Sequence[Document],
    backend: Backend,
    tokenizer: Any,
    guide: Guide,
    params: RationalystMiningParams,
    *,
    journal: Path | None = None,
) -> tuple[list[Rationale], dict[str, float]]:
    """Notes of all documents, in order, and flat metrics. With a journal a killed pass resumes."""
    if params.mode == "echo":
        return mine_echo(documents, backend, tokenizer, guide, params, journal=journal)
    return mine_woven(documents, backend, note_layout(tokenizer, guide, params.shots), params, journal=journal)


def mine_woven(
    documents: Sequence[Document],
    backend: Backend,
    layout: Layout,
    params: RationalystMiningParams,
    *,
    journal: Path | None = None,
) -> tuple[list[Rationale], dict[str, float]]:
    """Mine notes at sentence borders of the unchanged text."""
    placed = [PlacedDocument(document, places(document, params)) for document in documents]
    if forkable(backend):
        drafts = _with_forks(placed, backend, layout, params, journal)
    else:
        drafts = _with_prompts(placed, backend, layout, params, journal)
    notes = [
        Rationale(
            document_id=item.document.id,
            source=item.document.source,
            position=place.position,
            end=place.end,
            text=tidy(draft, whole=params.whole),
        )
        for item, document_drafts in zip(placed, drafts, strict=True)
        for place, draft in zip(item.places, document_drafts, strict=True)
    ]
    kept = [note for note in notes if note.text]
    return kept, {
        "documents": float(len(documents)),
        "documents_without_notes": float(len(documents) - len({note.document_id for note in kept})),
        "asked": float(len(notes)),
        "notes": float(len(kept)),
        "empty": float(len(notes) - len(kept)),
        "cut_off": float(sum(not draft.finished for draft in chain.from_iterable(drafts))),
        "fidelity": 1.0,
    }


def tidy(draft: Draft, *, whole: bool = True) -> str:
    """A note on one line, without label or quotes and with a full stop; empty if it has no word.

    With `whole` a note that was cut off is empty, too.
    """
    text = " ".join(_LABEL.sub("", draft.text.strip()).split()).strip("\"“”' ")
    if (whole and not draft.finished) or not any(char.isalnum() for char in text):
        return ""
    return text if text[-1] in ".!?…" else text + "."


def _with_prompts(
    placed: Sequence[PlacedDocument],
    backend: Backend,
    layout: Layout,
    params: RationalystMiningParams,
    journal: Path | None,
) -> list[list[Draft]]:
    """Any backend: a prompt per place, of the same pieces that the branches read."""
    prompts = []
    for item in placed:
        pieces = item.pieces
        prompts += [(layout.prefix, *pieces[: number + 1], layout.opening) for number in range(len(pieces))]
    sampling = Sampling(max_new_tokens=params.new_tokens, stop=STOP)
    completions = iter(backend.generate(prompts, sampling, journal=journal))
    return [
        [Draft(sample.text, sample.finish_reason != "length") for (sample,) in islice(completions, len(item.places))]
        for item in placed
    ]


def _with_forks(
    placed: Sequence[PlacedDocument],
    backend: TransformersBackend,
    layout: Layout,
    params: RationalystMiningParams,
    journal: Path | None,
) -> list[list[Draft]]:
    """A transformers model: each document is read once, together with others of about the same length."""
    writer = _NoteWriter(backend, layout, params.new_tokens)
    texts = [tokenise(backend.tokenizer, item.pieces) for item in placed]
    costs = [writer.cost(pieces) for pieces in texts]
    order = sorted((number for number, pieces in enumerate(texts) if pieces), key=lambda n: (-costs[n], n))
    parts = microbatches([costs[number] for number in order], params.batch_tokens)
    batches = [[order[index] for index in part] for part in parts]
    progress = Progress("mining", len(order))
    fingerprint = [weights_hash(backend.model), str(backend.model.dtype), params.new_tokens, *STOP] if journal else []

    def key(batch: Sequence[int]) -> str:
        rows = [texts[number] for number in batch]
        return journals.content_key("mine", fingerprint, writer.prefix, writer.opening, rows)

    def compute(batch: Sequence[int]) -> list[list[tuple[str, bool]]]:
        written = writer.write([texts[number] for number in batch])
        progress.add(len(batch), sum(map(len, written)))
        return written

    drafts: list[list[Draft]] = [[] for _ in placed]
    for batch, results in journals.run(journal, batches, key, compute, progress):
        for number, written in zip(batch, results, strict=True):
            drafts[number] = [Draft(text, finished) for text, finished in written]
    return drafts


class _NoteWriter:
    """Writes the notes of some documents in parallel."""

    def __init__(self, backend: TransformersBackend, layout: Layout, new_tokens: int) -> None:
        self.model, self.new_tokens = backend.model, new_tokens
        self.stopping = Stopping(backend.tokenizer, backend.ends, STOP)
        self.prefix = encode(backend.tokenizer, (layout.prefix,))
        self.opening = tokenise(backend.tokenizer, [layout.opening])[0]

    def cost(self, pieces: Sequence[Sequence[int]]) -> int:
        """An upper bound on the cached tokens of a document, given as its pieces."""
        return len(self.prefix) + sum(map(len, pieces)) + len(pieces) * (len(self.opening) + self.new_tokens)

    def write(self, texts: Sequence[Sequence[Sequence[int]]]) -> list[list[tuple[str, bool]]]:
        """The note after each piece of each text, and whether it ended by itself."""
        room = max(map(len, texts)) * (len(self.opening) + self.new_tokens)
        with torch.inference_mode():
            forks = Forks(
                self.model, [[*chain.from_iterable(pieces)] for pieces in texts], prefix=self.prefix, room=room
            )
            forks.read()
            branches = [
                forks.branch(row, border) for row, pieces in enumerate(texts) for border in accumulate(map(len, pieces))
            ]
            written = forks.write(branches, [self.opening] * len(branches), self.stopping, self.new_tokens)
        drafts = iter([(self.stopping.text(tokens), self._finished(tokens)) for tokens in written])
        return [[next(drafts) for _ in pieces] for pieces in texts]

    def _finished(self, tokens: Sequence[int]) -> bool:
        return tokens[-1] in self.stopping.ends or self.stopping.stopped(tokens)
