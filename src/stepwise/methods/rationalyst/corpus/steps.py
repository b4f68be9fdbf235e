"""The steps of the corpus pipeline as datatrove steps: each takes documents, yields documents, and counts.

Counts are named `read.SOURCE`, `documents.SOURCE`, `dropped.REASON` and so on, and become the stage's metrics.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from datatrove.data import Document as PipelineDocument
from datatrove.data import DocumentsPipeline
from datatrove.pipeline.base import PipelineStep

from stepwise.methods.rationalyst.corpus.cleaning import clean
from stepwise.methods.rationalyst.corpus.cutting import cut, token_counter
from stepwise.methods.rationalyst.corpus.decontamination import TestIndex
from stepwise.methods.rationalyst.corpus.duplicates import duplicates
from stepwise.methods.rationalyst.corpus.readers import Limits, read
from stepwise.methods.rationalyst.corpus.sources import SourceFile, shard
from stepwise.records import Document, iterate_jsonl, new_file


class Read(PipelineStep):
    """Reads the texts of this task's shard of the files."""

    type = "READER"
    name = "sources"

    def __init__(self, files: Sequence[SourceFile], limits: Limits) -> None:
        super().__init__()
        self.files, self.limits = list(files), limits

    def run(self, _data: DocumentsPipeline = None, rank: int = 0, shards: int = 1) -> Iterator[PipelineDocument]:
        """Yield whole texts."""
        for file in shard(self.files, rank, shards):
            for row in read(file, self.limits, lambda reason: self.stat_update(f"dropped.{reason}")):
                self.stat_update("read", f"read.{file.source}")
                name = f"{file.source}/{file.name}:{row.number}"
                yield PipelineDocument(
                    text=row.text, id=name, metadata={"source": file.source, "licence": file.licence}
                )


class Clean(PipelineStep):
    """Removes control characters and chat-template tokens."""

    type = "FORMAT"
    name = "cleaning"

    def run(self, data: DocumentsPipeline, _rank: int = 0, _shards: int = 1) -> Iterator[PipelineDocument]:
        """Yield cleaned texts; texts of which nothing is left are dropped."""
        for document in data or ():
            cleaned = clean(document.text)
            self.stat_update("removed.control_characters", value=cleaned.controls)
            self.stat_update("removed.template_tokens", value=cleaned.template_tokens)
            if cleaned.text.strip():
                document.text = cleaned.text
                yield document
            else:
                self.stat_update("dropped.nothing_left")


class Cut(PipelineStep):
    """Cuts texts into pieces of a token budget, at sentence borders."""

    type = "FORMAT"
    name = "cutting"

    def __init__(self, tokenizer: str, budget: int, least: int) -> None:
        super().__init__()
        self.tokenizer, self.budget, self.least = tokenizer, budget, least

    def run(self, data: DocumentsPipeline, _rank: int = 0, _shards: int = 1) -> Iterator[PipelineDocument]:
        """Yield pieces; pieces with too few tokens for a note are dropped."""
        count = token_counter(self.tokenizer)
        for document in data or ():
            for number, piece in enumerate(cut(document.text, count, self.budget)):
                if piece.tokens < self.least:
                    self.stat_update("dropped.too_short")
                    continue
                text = document.text[piece.start : piece.stop].strip()
                metadata = {**document.metadata, "tokens": piece.tokens}
                yield PipelineDocument(text=text, id=f"{document.id}.{number}", metadata=metadata)


class Decontaminate(PipelineStep):
    """Drops pieces that share an n-gram of the first size with a test problem; for the other sizes it only counts."""

    type = "FILTER"
    name = "decontamination"

    def __init__(self, index: Path, rejects: Path) -> None:
        super().__init__()
        self.index, self.rejects = index, rejects

    def run(self, data: DocumentsPipeline, rank: int = 0, _shards: int = 1) -> Iterator[PipelineDocument]:
        """Yield the pieces without an overlap."""
        index = TestIndex.load(self.index)
        decisive = next(iter(index.grams), 0)
        with new_file(self.rejects / f"{rank:05d}.jsonl") as rejects:
            for document in data or ():
                sizes = index.overlaps(document.text)
                for size in sizes:
                    self.stat_update(f"overlap.{size}", f"overlap.{size}.{document.metadata['source']}")
                if decisive in sizes:
                    self.stat_update("dropped.test_overlap")
                    _write(rejects, document, reason="test_overlap")
                else:
                    yield document


class WritePieces(PipelineStep):
    """Writes the pieces to a file, in order, and passes them on."""

    type = "WRITER"
    name = "pieces"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def run(self, data: DocumentsPipeline, rank: int = 0, _shards: int = 1) -> Iterator[PipelineDocument]:
        """Yield every piece after writing it."""
        with new_file(self.folder / f"{rank:05d}.jsonl") as out:
            for document in data or ():
                _write(out, document)
                yield document


class WriteShards(PipelineStep):
    """Writes each shard without its duplicates."""

    type = "FILTER"
    name = "shards"

    def __init__(self, pieces: Path, duplicates: Path, rejects: Path, out: Path) -> None:
        super().__init__()
        self.pieces, self.duplicates, self.rejects, self.out = pieces, duplicates, rejects, out

    def run(self, _data: DocumentsPipeline = None, rank: int = 0, _shards: int = 1) -> Iterator[PipelineDocument]:
        """Write the shard, and the duplicates to the rejects."""
        known = duplicates(self.duplicates, rank)
        with (
            new_file(self.rejects / f"{rank:05d}.jsonl") as rejects,
            new_file(self.out / f"shard-{rank:05d}.jsonl") as out,
        ):
            for place, document in enumerate(iterate_jsonl(self.pieces / f"{rank:05d}.jsonl", Document)):
                if place in known:
                    reason = f"{known[place]}_duplicate"
                    self.stat_update(f"dropped.{reason}")
                    rejected = document.model_copy(update={"meta": {**document.meta, "reason": reason}})
                    rejects.write(rejected.model_dump_json(exclude_defaults=True) + "\n")
                else:
                    tokens = document.meta.get("tokens", 0)
                    self.stat_update("documents", f"documents.{document.source}")
                    self.stat_update("tokens", value=tokens if isinstance(tokens, int) else 0)
                    out.write(document.model_dump_json(exclude_defaults=True) + "\n")
        yield from ()


def _write(out: TextIO, document: PipelineDocument, **more: str) -> None:
    metadata = {**document.metadata, **more}
    source = metadata.pop("source")
    record = Document(id=document.id, source=source, text=document.text, meta=metadata)
    out.write(record.model_dump_json(exclude_defaults=True) + "\n")
