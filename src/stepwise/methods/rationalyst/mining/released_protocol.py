"""The released protocol: the model copies a document and puts notes between `<BOT>` and `<EOT>` into the copy.

The copy is read tolerantly (white space and case inside tags, notes that are nested or never closed), compared with the
original, and its notes are moved to their places in the original. Fidelity is 1 - distance / length, white space left
out; the release keeps documents from 0.9 on, an earlier one asked for 1.

Where the released reading differs: it takes a tag for one only behind a space, so notes behind a line break stay in the
copy and spoil it; and the text of a note that is never closed leaks into what precedes later notes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from stepwise.generation.base import Backend, Sampling
from stepwise.methods.rationalyst.mining.alignment import align, distance
from stepwise.methods.rationalyst.mining.prompts import Guide, echo_prompts
from stepwise.params.rationalyst import RationalystMiningParams
from stepwise.records import Document, Rationale
from stepwise.tokens import tokenise

_TAG = re.compile(r"<\s*(BOT|EOT)\s*>", re.IGNORECASE)


class Note(NamedTuple):
    """A note in a copy: offset in the copy without its notes, and what it says."""

    position: int
    text: str


@dataclass(frozen=True)
class Echo:
    """A copy without its notes, and the notes."""

    text: str
    notes: tuple[Note, ...]


class _Span(NamedTuple):
    """A stretch of the output that is no text; `note` is empty where it is none either."""

    start: int
    stop: int
    note: str


def parse(output: str) -> Echo:
    """Take a model's copy apart.

    A closing tag closes the nearest open one; a note inside another belongs to it. A note that is never closed is none:
    it is dropped up to the end of its line or the next tag. A closing tag that closes nothing is dropped.
    """
    text, notes, position = "", [], 0
    for span in _spans(output):
        text += output[position : span.start]
        if span.note:
            notes.append(Note(len(text.rstrip()), span.note))
        position = span.stop
    return Echo(text + output[position:], tuple(notes))


def _spans(output: str) -> list[_Span]:
    """Notes and tags without a partner, in order; none overlaps another."""
    tags = list(_TAG.finditer(output))
    opened: list[re.Match[str]] = []
    spans: list[_Span] = []
    for tag in tags:
        if tag[1].upper() == "BOT":
            opened.append(tag)
        elif opened:
            first = opened.pop()
            note = " ".join(_TAG.sub(" ", output[first.end() : tag.start()]).split())
            spans = [span for span in spans if span.start < first.start()]
            spans.append(_Span(first.start(), tag.end(), note))
        else:
            spans.append(_Span(tag.start(), tag.end(), ""))
    borders = [*(tag.start() for tag in tags), len(output)]
    for left in opened:
        line = output.find("\n", left.end())
        limit = min(border for border in borders if border > left.start())
        spans.append(_Span(left.start(), limit if line < 0 else min(limit, line), ""))
    return sorted(spans)


def fidelity(original: str, copy: str) -> float:
    """1 - distance / length of the original, white space left out; 0 for an empty original. It may be negative."""
    known, found = _letters(original), _letters(copy)
    return 1.0 - distance(known, found) / len(known) if known else 0.0


def moved(document: Document, echo: Echo) -> list[Rationale]:
    """An echo's notes at their places in the original; each should help with the text up to the next.

    Notes in the question, before any text or behind all of it are left out.
    """
    text, copied = document.text, echo.text
    places = [place for place, char in enumerate(text) if not char.isspace()]
    targets = align(_letters(copied), _letters(text))
    found: list[tuple[int, str]] = []
    for note in echo.notes:
        letters = targets[len(_letters(copied[: note.position]))]
        position = places[letters - 1] + 1 if letters else 0
        if max(len(text[: document.start].rstrip()), 1) <= position < len(text.rstrip()):
            found.append((position, note.text))
    edges = [*(position for position, _ in found), len(text)]
    return [
        Rationale(document_id=document.id, source=document.source, position=start, end=end, text=note)
        for (start, end), (_, note) in zip(pairwise(edges), found, strict=True)
        if start < end
    ]


def echoed(
    documents: Sequence[Document],
    backend: Backend,
    tokenizer: Any,
    guide: Guide,
    params: RationalystMiningParams,
    *,
    journal: Path | None = None,
) -> tuple[list[Rationale], dict[str, float]]:
    """Notes of the documents whose copies are faithful enough, and flat metrics. With a journal a killed pass goes on.

    A copy may be half as long again as the longest document, with `params.notes` notes of the greatest length. In the
    mean fidelity a copy that has nothing of its document counts as 0.
    """
    texts = [document.text for document in documents]
    longest = max(map(len, tokenise(tokenizer, texts)), default=0)
    sampling = Sampling(max_new_tokens=longest * 3 // 2 + params.notes * params.new_tokens)
    made = backend.generate(echo_prompts(tokenizer, guide, params.shots, texts), sampling, journal=journal)
    echoes = [parse(several[0].text) for several in made]
    likeness = [fidelity(text, echo.text) for text, echo in zip(texts, echoes, strict=True)]
    faithful = [one >= params.fidelity for one in likeness]
    notes = [
        note
        for document, echo, good in zip(documents, echoes, faithful, strict=True)
        if good
        for note in moved(document, echo)
    ]
    count = float(len(documents))
    return notes, {
        "documents": count,
        "documents_without_notes": count - len({note.document_id for note in notes}),
        "unfaithful": count - sum(faithful),
        "notes": float(len(notes)),
        "fidelity": sum(max(one, 0.0) for one in likeness) / count if documents else 0.0,
    }


def _letters(text: str) -> str:
    return "".join(text.split())
