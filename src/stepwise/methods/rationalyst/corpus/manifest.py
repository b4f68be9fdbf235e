"""Shards of documents with a manifest: the rows and hash of each shard, and the inputs they were built from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.records import Document, Record, iterate_jsonl, write_json

NAME = "manifest.json"
_REMEDY = "run the stage rationalyst_chunk again"


class Shard(Record):
    """One file of documents."""

    name: str
    rows: int
    sha256: str


class Manifest(Record):
    """The content of a folder of documents."""

    format: Literal[1] = 1
    shards: tuple[Shard, ...]
    inputs: str
    """Fingerprint of the source files."""
    settings: str
    """Fingerprint of the parameters, the tokenizer and the test problems."""

    @property
    def rows(self) -> int:
        """Documents in all shards."""
        return sum(shard.rows for shard in self.shards)


def write(folder: Path, manifest: Manifest) -> None:
    """Write the manifest into the folder."""
    write_json(folder / NAME, manifest.model_dump(mode="json"))


def load(folder: Path) -> Manifest:
    """The manifest of a folder. Raises CorpusError if it is missing or invalid."""
    path = folder / NAME
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        raise CorpusError(f"{folder} has no {NAME}, so the corpus is incomplete; {_REMEDY}") from error
    except ValidationError as error:
        raise CorpusError(f"{path} is invalid ({error.errors(include_url=False)[0]['msg']}); {_REMEDY}") from error


def documents(folder: Path, shard: Shard) -> Iterator[Document]:
    """Stream the documents of one shard. Raises CorpusError at the end if the number of rows is wrong."""
    rows = 0
    for document in iterate_jsonl(folder / shard.name, Document):
        rows += 1
        yield document
    if rows != shard.rows:
        raise CorpusError(f"{folder / shard.name} has {rows} documents, its manifest says {shard.rows}; {_REMEDY}")


def all_documents(folder: Path) -> Iterator[Document]:
    """Stream the documents of all shards, in order."""
    for shard in load(folder).shards:
        yield from documents(folder, shard)
