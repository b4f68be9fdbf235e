"""The files of a corpus, found before any is read: on this machine, behind an fsspec address, or inside a package."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem

from stepwise.errors import StepwiseError
from stepwise.methods.rationalyst.corpus import packaged_documents
from stepwise.params.rationalyst import CorpusSource


class CorpusError(StepwiseError, ValueError):
    """A corpus that cannot be read or made; the message names the file and the remedy."""


@dataclass(frozen=True)
class SourceFile:
    """One file of text, with what is needed to read it and to know it again."""

    source: str
    kind: str
    address: str
    """Whole fsspec address."""
    name: str
    """Name in document ids: the address without what all files of the source share."""
    size: int
    version: str
    """sha256 of a local file, else what its file system gives to tell versions apart."""
    text_key: str = "text"
    licence: str = "unknown"
    lines: tuple[int, int] | None = None
    """First and last line that are read, counted from 1; all where None."""


def find_files(sources: Sequence[CorpusSource], data: Path) -> list[SourceFile]:
    """All files of the sources, in order.

    Args:
        sources: as the parameters name them.
        data: folder that relative addresses start from.

    Raises:
        CorpusError: an address that cannot be reached or holds no file, or two sources of one name.
    """
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        raise CorpusError(f"two sources of the corpus have one name ({', '.join(sorted(names))}); rename one")
    return [file for source in sources for file in _files(source, data)]


def shard(files: Sequence[SourceFile], rank: int, shards: int) -> list[SourceFile]:
    """The files of one shard. Large files are dealt out first, each to the shard that has least so far."""
    loads = [0] * shards
    mine = []
    for index in sorted(range(len(files)), key=lambda one: (-files[one].size, one)):
        lightest = loads.index(min(loads))
        loads[lightest] += files[index].size
        if lightest == rank:
            mine.append(index)
    return [files[index] for index in sorted(mine)]


def fingerprint(files: Sequence[SourceFile]) -> str:
    """Hash of what the files are; it changes with any of them."""
    known = [{**asdict(file), "address": file.name} for file in files]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]


def _files(source: CorpusSource, data: Path) -> Iterator[SourceFile]:
    if source.kind == "packaged":
        for document in packaged_documents.documents():
            found = packaged_documents.locate(document)
            yield SourceFile(
                document.package, "text", str(found), document.path, found.stat().st_size, document.sha256,
                licence=document.licence, lines=document.lines,
            )  # fmt: skip
        return
    address = source.address if "://" in source.address else str(data / source.address)
    try:
        system, pattern = fsspec.url_to_fs(address)
        paths = sorted(str(path) for path in system.glob(pattern)) if source.address else []
        paths = [path for path in paths if system.isfile(path)]
    except (OSError, ImportError, ValueError) as error:
        raise CorpusError(f"the corpus source {source.name} at {address} cannot be reached: {error}") from error
    if not paths:
        raise CorpusError(
            f"the corpus source {source.name} has no file at {address}; set its address, or STEPWISE_DATA"
        )
    common = len(paths[0].rsplit("/", 1)[0]) + 1 if len({path.rsplit("/", 1)[0] for path in paths}) == 1 else 0
    local = isinstance(system, LocalFileSystem)
    for path in paths:
        version = _sha256(path) if local else str(system.ukey(path))
        where = path if local else system.unstrip_protocol(path)
        yield SourceFile(
            source.name, source.kind, where, path[common:], int(system.size(path) or 0), version,
            text_key=source.text_key, licence=source.licence,
        )  # fmt: skip


def _sha256(path: str) -> str:
    with open(path, "rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
