"""The released protocol: the model copies a document and inserts notes between `<BOT>` and `<EOT>` into the copy.

The copy is parsed tolerantly (white space and case inside tags, nested and unclosed notes) and compared with the
original, and its notes are moved to the corresponding places in the original. Fidelity is 1 - edit distance / length
without white space; the release keeps documents with at least 0.9, an earlier version required 1.

Where the released parser differs: it recognises a tag only after a space, so notes after a line break stay in the copy
and lower its fidelity; and the text of an unclosed note leaks into the text before later notes.
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
    """A note in a copy: its text, and its offset in the copy without notes."""

    position: int
    text: str


@dataclass(frozen=True)
class Echo:
    """A copy without its notes, and the notes apart."""

    text: str
    notes: tuple[Note, ...]


class _Span(NamedTuple):
    """A stretch of the output that is not text: a note, or a stray tag if `note` is empty."""

    start: int
    stop: int
    note: str


def parse(output: str) -> Echo:
    """Separate a model's copy from its notes.

    A closing tag closes the nearest open one; a nested note becomes part of the outer one. An unclosed note is dropped
    up to the end of its line or the next tag. A closing tag that closes nothing is dropped.
    """
    text, notes, position = "", [], 0
    for span in _spans(output):
        text += output[position : span.start]
        if span.note:
            notes.append(Note(len(text.rstrip()), span.note))
        position = span.stop
    return Echo(text + output[position:], tuple(notes))


def _spans(output: str) -> list[_Span]:
    """Notes and unmatched tags, in order and without overlaps."""
    tags = list(_TAG.finditer(output))
    unclosed: list[re.Match[str]] = []
    spans: list[_Span] = []
    for tag in tags:
        if tag[1].upper() == "BOT":
            unclosed.append(tag)
        elif unclosed:
            first = unclosed.pop()
            note = " ".join(_TAG.sub(" ", output[first.end() : tag.start()]).split())
            spans = [span for span in spans if span.start < first.start()]
            spans.append(_Span(first.start(), tag.end(), note))
        else:
            spans.append(_Span(tag.start(), tag.end(), ""))
    borders = [*(tag.start() for tag in tags), len(output)]
    for tag in unclosed:
        line_end = output.find("\n", tag.end())
        limit = min(border for border in borders if border > tag.start())
        spans.append(_Span(tag.start(), limit if line_end < 0 else min(limit, line_end), ""))
    return sorted(spans)


def fidelity(original: str, copy: str) -> float:
    """1 - edit distance / length of the original, without white space; 0 for an empty original. May be negative."""
    expected, actual = _without_spaces(original), _without_spaces(copy)
    return 1.0 - distance(expected, actual) / len(expected) if expected else 0.0


def move_notes(document: Document, echo: Echo) -> list[Rationale]:
    """The copy's notes at their places in the original; each should help with the text up to the next note.

    Notes in the question, before all text or after all text are dropped.
    """
    text, copy = document.text, echo.text
    offsets = [offset for offset, char in enumerate(text) if not char.isspace()]
    targets = align(_without_spaces(copy), _without_spaces(text))
    notes: list[Note] = []
    for note in echo.notes:
        letters = targets[len(_without_spaces(copy[: note.position]))]
        position = offsets[letters - 1] + 1 if letters else 0
        if max(len(text[: document.start].rstrip()), 1) <= position < len(text.rstrip()):
            notes.append(Note(position, note.text))
    edges = [*(note.position for note in notes), len(text)]
    return [
        Rationale(document_id=document.id, source=document.source, position=start, end=end, text=note.text)
        for (start, end), note in zip(pairwise(edges), notes, strict=True)
        if start < end
    ]


def mine_echo(
    documents: Sequence[Document],
    backend: Backend,
    tokenizer: Any,
    guide: Guide,
    params: RationalystMiningParams,
    *,
    journal: Path | None = None,
) -> tuple[list[Rationale], dict[str, float]]:
    """Notes of the documents whose copies are faithful enough, and flat metrics. With a journal a killed pass resumes.

    A copy may be 1.5 times as long as the longest document, plus `params.notes` notes of maximal length. In the mean
    fidelity, negative values count as 0.
    """
    texts = [document.text for document in documents]
    longest = max(map(len, tokenise(tokenizer, texts)), default=0)
    sampling = Sampling(max_new_tokens=longest * 3 // 2 + params.notes * params.new_tokens)
    prompts = echo_prompts(tokenizer, guide, params.shots, texts)
    echoes = [parse(sample.text) for (sample,) in backend.generate(prompts, sampling, journal=journal)]
    fidelities = [fidelity(text, echo.text) for text, echo in zip(texts, echoes, strict=True)]
    faithful = [value >= params.fidelity for value in fidelities]
    notes = [
        note
        for document, echo, keep in zip(documents, echoes, faithful, strict=True)
        if keep
        for note in move_notes(document, echo)
    ]
    count = float(len(documents))
    return notes, {
        "documents": count,
        "documents_without_notes": count - len({note.document_id for note in notes}),
        "unfaithful": count - sum(faithful),
        "notes": float(len(notes)),
        "fidelity": sum(max(value, 0.0) for value in fidelities) / count if documents else 0.0,
    }


def _without_spaces(text: str) -> str:
    return "".join(text.split())
