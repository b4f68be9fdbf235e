"""Reads the annotated files that the paper's authors released, and converts them into our records.

    python -m stepwise.methods.rationalyst.released_files FILE OUT --kind reasoning --source gsm8k

OUT gets `documents`, `mined` and, if the file has them, `scored` and `judged`, laid out like data/rationalyst, so that
the stages rationalyst_score, rationalyst_filter and rationalyst_train run on them.

A released file has one JSON object per line with `preceeding` (their spelling), `rationale` and `following`;
`left_step` counts the notes left in the document. After their filter it also has `is_correct` and `perplexity_*`, which
are not perplexities but discounted log-probabilities (higher is likelier), with their values token by token.
`preceeding` contains no earlier notes, and ends with a space even where `following` begins with one; nothing else of
the document is kept.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from stepwise.errors import StepwiseError
from stepwise.records import Document, JudgedRationale, Rationale, ScoredRationale, read_jsonl, write_jsonl


class Triple(BaseModel):
    """One line of a released file. Keys that only some releases have are optional; unknown keys are ignored."""

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
        """A document id by content: equal texts are the same document."""
        text = f"{self.preceeding}\0{self.following}"
        return f"released-{hashlib.blake2b(text.encode(), digest_size=8).hexdigest()}"

    def document(self, source: str) -> Document:
        """The text before and after the note, with the double space between them made single."""
        return Document(id=self.id, source=source, text=self._before() + self.following)

    def note(self, source: str) -> Rationale:
        """The note at its place in the document."""
        start = len(self._before())
        end = start + len(self.following)
        text = " ".join(self.rationale.split())
        return Rationale(document_id=self.id, source=source, position=start, end=end, text=text)

    def scored(self, source: str) -> ScoredRationale | None:
        """The note with its token scores, if the file has them."""
        plain, aided = self.perplexity_without_rationale_list, self.perplexity_with_rationale_list
        if plain is None or aided is None:
            return None
        return ScoredRationale(rationale=self.note(source), plain=plain, aided=aided)

    def judged(self, source: str) -> JudgedRationale | None:
        """The note with the release's own judgement, if the file has one."""
        without, with_note = self.perplexity_without_rationale, self.perplexity_with_rationale
        if self.is_correct is None or without is None or with_note is None:
            return None
        reasons = () if self.is_correct else ("gain",)
        return JudgedRationale(
            rationale=self.note(source), gain=with_note - without, keep=self.is_correct, reasons=reasons
        )

    def _before(self) -> str:
        return self.preceeding.rstrip() if self.following[:1].isspace() else self.preceeding


def convert(file: Path, out: Path, *, kind: str, source: str) -> dict[str, int]:
    """Write a released file's content as records below `out`. Returns the number of rows by folder.

    Raises RecordError naming file and line of the first row that is not a triple.
    """
    triples = read_jsonl(file, Triple)
    documents = {triple.id: triple.document(source) for triple in triples}
    folders: dict[str, Sequence[BaseModel]] = {
        "documents": list(documents.values()),
        "mined": [triple.note(source) for triple in triples],
        "scored": [scored for triple in triples if (scored := triple.scored(source))],
        "judged": [judged for triple in triples if (judged := triple.judged(source))],
    }
    return {name: write_jsonl(out / name / f"{kind}.jsonl", rows) for name, rows in folders.items() if rows}


def main(arguments: Sequence[str] | None = None) -> None:
    """Convert the file that the command line names and report the number of rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="a released file: JSON lines")
    parser.add_argument("out", type=Path, help="folder for the converted records")
    parser.add_argument("--kind", choices=("corpus", "reasoning"), required=True, help="web text or solved questions")
    parser.add_argument("--source", required=True, help="name of the data set; the filter's threshold depends on it")
    options = parser.parse_args(arguments)
    try:
        counts = convert(options.file, options.out, kind=options.kind, source=options.source)
    except StepwiseError as error:
        parser.exit(2, f"{error}\n")
    sys.stdout.write("".join(f"{name}: {count}\n" for name, count in counts.items()))


if __name__ == "__main__":
    main()
