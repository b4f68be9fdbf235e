"""Readers of the files that the released code writes, so that its notes can be filtered, trained on and compared here.

One JSON object a line with `preceeding` (their spelling), `rationale` and `following`; `left_step` counts the notes
that are left in the document. After their filter also `is_correct` and `perplexity_*`, which are no perplexities but
discounted log-probabilities (higher is likelier), with their lists token by token. Their `preceeding` has no earlier
notes in it, ends with a space where `following` begins with one, and is all that is kept of a document.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stepwise.records import Document, JudgedRationale, Rationale, ScoredRationale, iterate_jsonl


class Triple(BaseModel):
    """One line of a released file; keys that only some releases have are optional, others are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    preceeding: str
    rationale: str
    following: str
    left_step: int | None = None
    is_correct: bool | None = None
    perplexity_without_rationale: float | None = None
    perplexity_with_rationale: float | None = None
    perplexity_without_rationale_list: tuple[float, ...] | None = None
    perplexity_with_rationale_list: tuple[float, ...] | None = None

    @property
    def id(self) -> str:
        """A name by content: equal texts are one document."""
        text = f"{self.preceeding}\0{self.following}"
        return f"released-{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"

    def document(self, source: str) -> Document:
        """What precedes the note and what follows it, as a text to mine; the double space between them is one."""
        return Document(id=self.id, source=source, text=self._before() + self.following)

    def note(self, source: str) -> Rationale:
        """The note in that document."""
        start = len(self._before())
        end = start + len(self.following)
        text = " ".join(self.rationale.split())
        return Rationale(document_id=self.id, source=source, position=start, end=end, text=text)

    def scored(self, source: str) -> ScoredRationale | None:
        """The note with both lists, where the file has them."""
        plain, aided = self.perplexity_without_rationale_list, self.perplexity_with_rationale_list
        if plain is None or aided is None:
            return None
        return ScoredRationale(rationale=self.note(source), plain=plain, aided=aided)

    def judged(self, source: str) -> JudgedRationale | None:
        """The note as the release judged it, where the file says so."""
        without, with_it = self.perplexity_without_rationale, self.perplexity_with_rationale
        if self.is_correct is None or without is None or with_it is None:
            return None
        reasons = () if self.is_correct else ("gain",)
        return JudgedRationale(
            rationale=self.note(source), gain=with_it - without, keep=self.is_correct, reasons=reasons
        )

    def _before(self) -> str:
        return self.preceeding.rstrip() if self.following[:1].isspace() else self.preceeding


def read(path: Path) -> Iterator[Triple]:
    """Triples of a released file. Raises RecordError naming file and line on the first that is none."""
    return iterate_jsonl(path, Triple)


def triples(output: str) -> list[Triple]:
    """A model's copy taken apart by the released rule: each note with the text before it and up to the next note.

    A piece without a closing tag gives no triple, and its text counts as text from then on.
    """
    pieces = output.split("<BOT>")
    before, found = "", []
    for number, piece in enumerate(pieces):
        rationale, closed, rest = piece.partition("<EOT>")
        if number and closed:
            following = rest.partition("<EOT>")[0]
            left = len(pieces) - number
            found.append(Triple(preceeding=before, rationale=rationale, following=following, left_step=left))
        before += rest if closed else piece
    return found


def reconstruction(output: str) -> str:
    """The copy without its notes by the released rule, which knows a tag only behind a space."""
    head, *pieces = output.split(" <BOT>")
    return head + "".join(piece.partition("<EOT>")[2] for piece in pieces)


def same_letters(first: str, second: str) -> bool:
    """The first release's test of a copy: equal but for white space."""
    return re.sub(r"\s+", "", first) == re.sub(r"\s+", "", second)
