"""Notes between the sentences of documents, written by an instruct model and woven in: the text stays as it is.

The released protocol lets the model copy each document and put notes into the copy; a tenth to a fifth of the copies
differ and are lost (`echo.py`). Here the text is given and only the notes are generated, all of a document side by side
on one reading of it (`forks.py`); with a server each is a prompt of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import Any

import torch

from stepwise.generation import journal as journals
from stepwise.generation.base import Backend, Sampling
from stepwise.generation.engine.batching import microbatches
from stepwise.generation.engine.stopping import Stopping
from stepwise.generation.transformers_backend import TransformersBackend, weights_hash
from stepwise.methods.rationalyst.mining.prompts import Guide, Layout, note_layout
from stepwise.methods.rationalyst.mining.released_protocol import echoed
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
    """Where a note is asked for, and where the text ends that it should help with; offsets into the document."""

    position: int
    end: int


@dataclass(frozen=True)
class Draft:
    """What the model wrote at a place, and whether it came to an end by itself."""

    text: str
    finished: bool


def places(document: Document, params: RationalystMiningParams) -> list[Place]:
    """Sentence borders from the document's start on, at most `params.notes` of them at even distances.

    A border has text before it and text after it; white space between sentences belongs to what follows.
    """
    text = document.text
    first = len(text[: document.start].rstrip())
    cuts = sorted({first, *(border for border in borders(text) if border > first)} - {0})
    cuts = [cut for cut in cuts if text[cut:].strip()]
    size = min(len(cuts), params.notes)
    chosen = [index * len(cuts) // size for index in range(size)]
    edges = [*cuts, len(text)]
    ends = [*chosen[1:], len(cuts)]
    if params.sentences:
        ends = [min(index + params.sentences, len(cuts)) for index in chosen]
    return [Place(cuts[index], edges[end]) for index, end in zip(chosen, ends, strict=True)]


def mine(
    documents: Sequence[Document],
    backend: Backend,
    tokenizer: Any,
    guide: Guide,
    params: RationalystMiningParams,
    *,
    journal: Path | None = None,
) -> tuple[list[Rationale], dict[str, float]]:
    """Notes of all documents in order, and flat metrics of the pass. With a journal a killed pass goes on."""
    if params.mode == "echo":
        return echoed(documents, backend, tokenizer, guide, params, journal=journal)
    return woven(documents, backend, note_layout(tokenizer, guide, params.shots), params, journal=journal)


def woven(
    documents: Sequence[Document],
    backend: Backend,
    layout: Layout,
    params: RationalystMiningParams,
    *,
    journal: Path | None = None,
) -> tuple[list[Rationale], dict[str, float]]:
    """`mine` at sentence borders, the text given."""
    asked = [places(document, params) for document in documents]
    if forkable(backend):
        written = _on_forks(documents, asked, backend, layout, params, journal)
    else:
        written = _on_prompts(documents, asked, backend, layout, params, journal)
    notes = [
        Rationale(
            document_id=document.id,
            source=document.source,
            position=at.position,
            end=at.end,
            text=tidy(draft, whole=params.whole),
        )
        for document, several, drafts in zip(documents, asked, written, strict=True)
        for at, draft in zip(several, drafts, strict=True)
    ]
    kept = [note for note in notes if note.text]
    drafts = [draft for several in written for draft in several]
    return kept, {
        "documents": float(len(documents)),
        "documents_without_notes": float(len(documents) - len({note.document_id for note in kept})),
        "asked": float(len(notes)),
        "notes": float(len(kept)),
        "empty": float(len(notes) - len(kept)),
        "cut_off": float(sum(not draft.finished for draft in drafts)),
        "fidelity": 1.0,
    }


def tidy(draft: Draft, *, whole: bool = True) -> str:
    """A note on one line, without label or quotes and with a full stop; empty where it has no word.

    With `whole` it is empty where it was cut off, too.
    """
    text = " ".join(_LABEL.sub("", draft.text.strip()).split()).strip("\"“”' ")
    if (whole and not draft.finished) or not any(char.isalnum() for char in text):
        return ""
    return text if text[-1] in ".!?…" else text + "."


def _on_prompts(
    documents: Sequence[Document],
    asked: Sequence[Sequence[Place]],
    backend: Backend,
    layout: Layout,
    params: RationalystMiningParams,
    journal: Path | None,
) -> list[list[Draft]]:
    """Any backend: a prompt a place, of the same pieces that the forks read."""
    prompts = []
    for document, several in zip(documents, asked, strict=True):
        pieces = _pieces(document, several)
        prompts += [(layout.prefix, *pieces[: number + 1], layout.opening) for number in range(len(several))]
    sampling = Sampling(max_new_tokens=params.new_tokens, stop=STOP)
    made = iter(backend.generate(prompts, sampling, journal=journal))
    found = [[next(made)[0] for _ in several] for several in asked]
    return [[Draft(one.text, one.finish_reason != "length") for one in several] for several in found]


def _on_forks(
    documents: Sequence[Document],
    asked: Sequence[Sequence[Place]],
    backend: TransformersBackend,
    layout: Layout,
    params: RationalystMiningParams,
    journal: Path | None,
) -> list[list[Draft]]:
    """A transformers model: each document is read once, about equally long ones together."""
    writer = _Writer(backend, layout, params.new_tokens)
    texts = [tokenise(backend.tokenizer, _pieces(*one)) for one in zip(documents, asked, strict=True)]
    costs = [writer.cost(pieces) for pieces in texts]
    order = sorted((number for number, pieces in enumerate(texts) if pieces), key=lambda n: (-costs[n], n))
    parts = microbatches([costs[number] for number in order], params.batch_tokens)
    batches = [[order[index] for index in part] for part in parts]
    progress = Progress("mining", len(order))
    mark = [weights_hash(backend.model), str(backend.model.dtype), params.new_tokens, *STOP] if journal else []

    def key(batch: Sequence[int]) -> str:
        rows = [texts[number] for number in batch]
        return journals.content_key("mine", mark, writer.prefix, writer.opening, rows)

    def compute(batch: Sequence[int]) -> list[list[tuple[str, bool]]]:
        written = writer.write([texts[number] for number in batch])
        progress.add(len(batch), sum(map(len, written)))
        return written

    found: list[list[Draft]] = [[] for _ in documents]
    for batch, results in journals.run(journal, batches, key, compute, progress):
        for number, drafts in zip(batch, results, strict=True):
            found[number] = [Draft(text, finished) for text, finished in drafts]
    return found


class _Writer:
    """Writes the notes of some documents side by side."""

    def __init__(self, backend: TransformersBackend, layout: Layout, new_tokens: int) -> None:
        self.model, self.new_tokens = backend.model, new_tokens
        self.stopping = Stopping(backend.tokenizer, backend.ends, STOP)
        self.prefix = encode(backend.tokenizer, (layout.prefix,))
        self.opening = tokenise(backend.tokenizer, [layout.opening])[0]

    def cost(self, pieces: Sequence[Sequence[int]]) -> int:
        """Most cached tokens of a document that is cut at its places."""
        return len(self.prefix) + sum(map(len, pieces)) + len(pieces) * (len(self.opening) + self.new_tokens)

    def write(self, texts: Sequence[Sequence[Sequence[int]]]) -> list[list[tuple[str, bool]]]:
        """What is written behind each piece of each text, and whether it came to an end by itself."""
        most = max(map(len, texts))
        room = most * (len(self.opening) + self.new_tokens)
        with torch.inference_mode():
            forks = Forks(
                self.model, [[*chain.from_iterable(pieces)] for pieces in texts], prefix=self.prefix, room=room
            )
            forks.read()
            branches = [
                forks.branch(row, border) for row, pieces in enumerate(texts) for border in accumulate(map(len, pieces))
            ]
            written = forks.write(branches, [self.opening] * len(branches), self.stopping, self.new_tokens)
        drafts = iter(
            [(self.stopping.text(one), one[-1] in self.stopping.ends or self.stopping.stopped(one)) for one in written]
        )
        return [[next(drafts) for _ in pieces] for pieces in texts]


def _pieces(document: Document, several: Sequence[Place]) -> list[str]:
    """The text up to the last place, cut at the places; the text so far at place k is the first k + 1 pieces."""
    edges = [0, *(at.position for at in several)]
    return [document.text[start:stop] for start, stop in pairwise(edges)]
