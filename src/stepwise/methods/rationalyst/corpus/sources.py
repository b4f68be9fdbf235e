"""The files of a corpus, listed before any is read: local, behind an fsspec address, or inside a package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from stepwise.methods.rationalyst.corpus import packaged_documents
from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.params.rationalyst import CorpusSource
from stepwise.records import file_hash


@dataclass(frozen=True)
class SourceFile:
    """A text file: how to read it and how to recognise it."""

    source: str
    kind: str
    address: str
    """Full fsspec address."""
    name: str
    """Name in document ids: the address without the folder that all files of the source share."""
    size: int
    version: str
    """sha256 of a local file, otherwise the file system's own version key."""
    text_key: str = "text"
    licence: str = "unknown"
    lines: tuple[int, int] | None = None
    """First and last line to read, counted from 1; None for all."""


def find_files(sources: Sequence[CorpusSource], data: Path) -> list[SourceFile]:
    """All files of the sources, in order.

    Args:
        sources: the sources in the parameters.
        data: base folder of relative addresses.

    Raises:
        CorpusError: an address that cannot be reached or has no file, or two sources with the same name.
    """
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        raise CorpusError(f"two sources of the corpus have the same name ({', '.join(sorted(names))}); rename one")
    return [file for source in sources for file in _files(source, data)]


def shard(files: Sequence[SourceFile], rank: int, shards: int) -> list[SourceFile]:
    """The files of one shard. Large files are assigned first, each to the shard with the least so far."""
    loads = [0] * shards
    assigned = []
    for index in sorted(range(len(files)), key=lambda number: (-files[number].size, number)):
        lightest = loads.index(min(loads))
        loads[lightest] += files[index].size
        if lightest == rank:
            assigned.append(index)
    return [files[index] for index in sorted(assigned)]


def fingerprint(files: Sequence[SourceFile]) -> str:
    """A hash of all files' identities; it does not depend on the folder they are in."""
    identities = [{**asdict(file), "address": file.name} for file in files]
    return hashlib.sha256(json.dumps(identities, sort_keys=True).encode()).hexdigest()[:16]


def _files(source: CorpusSource, data: Path) -> Iterator[SourceFile]:
    if source.kind == "packaged":
        for document in packaged_documents.documents():
            path = packaged_documents.locate(document)
            yield SourceFile(
                document.package, "text", str(path), document.path, path.stat().st_size, document.sha256,
                licence=document.licence, lines=document.lines,
            )  # fmt: skip
        return
    address = source.address if "://" in source.address else str(data / source.address)
    try:
        system, pattern = fsspec.url_to_fs(address)
        paths = sorted(str(match) for match in system.glob(pattern)) if source.address else []
        paths = [name for name in paths if system.isfile(name)]
    except (OSError, ImportError, ValueError) as error:
        raise CorpusError(f"the corpus source {source.name} at {address} cannot be reached: {error}") from error
    if not paths:
        raise CorpusError(
            f"the corpus source {source.name} has no file at {address}; set its address, or STEPWISE_DATA"
        )
    common = len(paths[0].rsplit("/", 1)[0]) + 1 if len({path.rsplit("/", 1)[0] for path in paths}) == 1 else 0
    local = isinstance(system, LocalFileSystem)
    for name in paths:
        version = file_hash(name, "sha256") if local else str(system.ukey(name))
        full_address = name if local else system.unstrip_protocol(name)
        yield SourceFile(
            source.name, source.kind, full_address, name[common:], int(system.size(name) or 0), version,
            text_key=source.text_key, licence=source.licence,
        )  # fmt: skip
