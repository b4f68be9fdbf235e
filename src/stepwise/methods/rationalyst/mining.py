"""Notes between the sentences of documents, written by an instruct model and woven in: the text is kept by construction.

The released protocol lets the model copy each document and put notes into the copy; a tenth to a fifth of the copies
differ and are lost (`echo.py`). Here the text is given and only the notes are generated, all of a document side by side
on one reading of it (`forks.py`); with a server each is a prompt of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

import torch

from stepwise.generation import journal as journals
from stepwise.generation.base import Backend, Sampling
from stepwise.generation.batching import microbatches
from stepwise.generation.progress import Progress
from stepwise.generation.stopping import Stopping
from stepwise.generation.transformers_backend import TransformersBackend, weights_hash
from stepwise.methods.rationalyst.forks import Forks
from stepwise.methods.rationalyst.guides import Layout
from stepwise.methods.rationalyst.sentences import borders
from stepwise.params import RationalystMiningParams
from stepwise.records import Document, Rationale
from stepwise.tokens import encode, tokenise

STOP = ("\n", "<EOT>")
_SENTENCE_END = re.compile(r"[.!?][\"'”’)]*(?=\s|$)")
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


def woven(
    documents: Sequence[Document],
    backend: Backend,
    layout: Layout,
    params: RationalystMiningParams,
    *,
    journal: Path | None = None,
) -> tuple[list[Rationale], dict[str, float]]:
    """Notes of all documents in order, and flat metrics of the pass. With a journal a killed pass goes on."""
    asked = [places(document, params) for document in documents]
    write = _on_forks if backend.name == "transformers" else _on_prompts
    written = write(documents, asked, cast(Any, backend), layout, params, journal)
    notes = [
        Rationale(document_id=document.id, source=document.source, position=at.position, end=at.end, text=tidy(draft))
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


def tidy(draft: Draft) -> str:
    """A note on one line without label or quotes; one that was cut off ends with its last whole sentence, if any."""
    text = _LABEL.sub("", draft.text.strip()).strip().strip("\"“”'").strip()
    if not draft.finished:
        ends = [match.end() for match in _SENTENCE_END.finditer(text)]
        text = text[: ends[-1]] if ends else ""
    return " ".join(text.split()) if any(char.isalnum() for char in text) else ""


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
        pieces, openings = _pieces(document, several), _openings(document, several, layout)
        prompts += [(layout.prefix, *pieces[: number + 1], opening) for number, opening in enumerate(openings)]
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
    stopping = Stopping(backend.tokenizer, backend.ends, STOP)
    prefix = encode(backend.tokenizer, (layout.prefix,))
    tasks = [
        _Task(
            tokenise(backend.tokenizer, _pieces(document, several)),
            tokenise(backend.tokenizer, _openings(document, several, layout)),
        )
        for document, several in zip(documents, asked, strict=True)
    ]
    costs = [len(prefix) + task.length + task.room(params.new_tokens) for task in tasks]
    order = sorted((number for number, task in enumerate(tasks) if task.openings), key=lambda n: (-costs[n], n))
    parts = microbatches([costs[number] for number in order], params.batch_tokens)
    progress = Progress("mining", len(order))
    mark = [weights_hash(backend.model), str(backend.model.dtype), params.new_tokens, *STOP] if journal else []

    def key(batch: Sequence[int]) -> str:
        return journals.content_key("mine", mark, prefix, [[tasks[n].pieces, tasks[n].openings] for n in batch])

    def compute(batch: Sequence[int]) -> list[list[list[str | bool]]]:
        chosen = [tasks[number] for number in batch]
        most = max(len(task.openings) for task in chosen)  # living branches of a row, at every step
        room = max(sum(map(len, task.openings)) for task in chosen) + most * params.new_tokens
        texts = [[token for piece in task.pieces for token in piece] for task in chosen]
        with torch.inference_mode():
            forks = Forks(backend.model, texts, prefix=prefix, room=room)
            forks.read()
            branches = [forks.branch(row, border) for row, task in enumerate(chosen) for border in task.borders]
            openings = [opening for task in chosen for opening in task.openings]
            written = forks.write(branches, openings, stopping, params.new_tokens)
        progress.add(len(batch), sum(map(len, written)))
        drafts = iter([[stopping.text(one), one[-1] in stopping.ends or stopping.stopped(one)] for one in written])
        return [[next(drafts) for _ in task.openings] for task in chosen]

    found: list[list[Draft]] = [[] for _ in documents]
    batches = [[order[index] for index in part] for part in parts]
    for batch, results in journals.run(journal, batches, key, compute, progress):
        for number, drafts in zip(batch, results, strict=True):
            found[number] = [Draft(text, finished) for text, finished in drafts]
    return found


@dataclass(frozen=True)
class _Task:
    """A document as tokens: the pieces up to each place, and what is asked there."""

    pieces: list[list[int]]
    openings: list[list[int]]

    @property
    def borders(self) -> list[int]:
        """Tokens before each place."""
        return list(accumulate(map(len, self.pieces)))

    @property
    def length(self) -> int:
        return sum(map(len, self.pieces))

    def room(self, new_tokens: int) -> int:
        """Most columns that the notes take."""
        return sum(len(opening) + new_tokens for opening in self.openings)


def _pieces(document: Document, several: Sequence[Place]) -> list[str]:
    """The text up to the last place, cut at the places; the text so far at place k is the first k + 1 pieces."""
    edges = [0, *(at.position for at in several)]
    return [document.text[start:stop] for start, stop in zip(edges, edges[1:], strict=False)]


def _openings(document: Document, several: Sequence[Place], layout: Layout) -> list[str]:
    return [layout.opening(document.text[at.position : at.end]) for at in several]
