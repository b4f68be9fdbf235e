"""Reads texts from files that may be huge, broken or hostile, in constant memory.

A broken file is an error that names it; a bad row is dropped and counted. No row longer than `row_bytes` is ever held
in memory, and a file that unpacks out of all proportion is refused.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from textwrap import dedent
from typing import Any, BinaryIO, NamedTuple

import fsspec

from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.methods.rationalyst.corpus.sources import SourceFile

BLOCK = 1 << 20
SMALL = 8 << 20
"""Unpacked bytes below which a file's expansion is not checked."""

Drop = Callable[[str], None]
"""Counts a dropped row by reason."""


class Limits(NamedTuple):
    """Most bytes in a row and in an unpacked file, and the greatest ratio of a file's unpacked size to its size."""

    row_bytes: int
    file_bytes: int
    expansion: int


class Row(NamedTuple):
    """A text and where it begins: the number of its row or, in plain text, its line, from 0."""

    number: int
    text: str


def read(file: SourceFile, limits: Limits, drop: Drop) -> Iterator[Row]:
    """Texts of a file, in order.

    Args:
        file: JSON lines, parquet or plain text; .gz and .zst are unpacked.
        limits: see Limits.
        drop: called with `row_too_long`, `invalid_utf8`, `invalid_json` or `no_text` for each row left out.

    Raises:
        CorpusError: a file that is damaged, truncated or unreachable, or that unpacks to too much.
    """
    readers = {"jsonl": _json_lines, "text": _plain_text, "parquet": _parquet}
    try:
        yield from readers[file.kind](file, limits, drop)
    except (OSError, EOFError, zlib.error) as error:
        remedy = "fetch it again, or take it out of the source"
        raise CorpusError(f"{file.address} is damaged, truncated or unreachable ({error}); {remedy}") from error


def _json_lines(file: SourceFile, limits: Limits, drop: Drop) -> Iterator[Row]:
    import orjson

    for number, line in enumerate(_lines(file, limits)):
        text = _decoded(line, drop)
        if not text or not text.strip():
            continue
        try:
            row = orjson.loads(text)
        except orjson.JSONDecodeError:
            drop("invalid_json")
            continue
        content = row.get(file.text_key) if isinstance(row, dict) else None
        if isinstance(content, str) and content.strip():
            yield Row(number, content)
        else:
            drop("no_text")


def _plain_text(file: SourceFile, limits: Limits, drop: Drop) -> Iterator[Row]:
    """A text file as one row; if it is longer than a row may be, as several that end at blank lines.

    If only a range of lines is read, such as a docstring, their common indentation is removed.
    """
    first, last = file.lines or (1, None)
    pending: list[str] = []
    size, number = 0, first - 1
    for place, line in enumerate(islice(_lines(file, limits), first - 1, last), first - 1):
        text = _decoded(line, drop)
        if text is None:
            continue
        blank = not text.strip()
        if size + len(text) > limits.row_bytes or (blank and size > limits.row_bytes // 8):
            yield Row(number, _joined(pending, file))
            pending, size, number = [], 0, place
        pending.append(text)
        size += len(text) + 1
    if any(text.strip() for text in pending):
        yield Row(number, _joined(pending, file))


def _joined(lines: list[str], file: SourceFile) -> str:
    return dedent("\n".join(lines)) if file.lines else "\n".join(lines)


def _parquet(file: SourceFile, limits: Limits, drop: Drop) -> Iterator[Row]:
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        with fsspec.open(file.address, "rb") as data, closing(parquet.ParquetFile(data)) as table:
            if file.text_key not in table.schema_arrow.names:
                names = ", ".join(table.schema_arrow.names)
                raise CorpusError(f"{file.address} has no column {file.text_key}; it has {names}: set text_key")
            groups = [table.metadata.row_group(index).total_byte_size for index in range(table.num_row_groups)]
            if sum(groups) > limits.file_bytes:
                raise CorpusError(_too_much(file, sum(groups)))
            for batch in table.iter_batches(batch_size=64, columns=[file.text_key]):
                for value in batch.column(0):
                    content = value.as_py()
                    if not isinstance(content, str) or not content.strip():
                        drop("no_text")
                    elif len(content) > limits.row_bytes:
                        drop("row_too_long")
                    else:
                        yield Row(number, content)
                    number += 1
    except pyarrow.ArrowInvalid as error:
        raise CorpusError(f"{file.address} is not a valid parquet file ({error}); fetch it again") from error


def _decoded(line: bytes | None, drop: Drop) -> str | None:
    if line is None:
        drop("row_too_long")
        return None
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        drop("invalid_utf8")
        return None


def _lines(file: SourceFile, limits: Limits) -> Iterator[bytes | None]:
    """Lines without their line ends; None for a line of more than `row_bytes`, which is skipped block by block."""
    buffer = bytearray()
    too_long = False
    for block in _blocks(file, limits):
        for index, part in enumerate(block.split(b"\n")):
            if index:
                yield None if too_long else bytes(buffer)
                buffer.clear()
                too_long = False
            if not too_long and len(buffer) + len(part) <= limits.row_bytes:
                buffer += part
            else:
                too_long = True
                buffer.clear()
    if too_long or buffer:
        yield None if too_long else bytes(buffer)


def _blocks(file: SourceFile, limits: Limits) -> Iterator[bytes]:
    """A file's unpacked bytes in blocks."""
    read = 0
    with fsspec.open(file.address, "rb") as packed, closing(_unpacked(file.address, packed)) as data:
        while block := data.read(BLOCK):
            read += len(block)
            if read > limits.file_bytes or (read > SMALL and file.size and read > file.size * limits.expansion):
                raise CorpusError(_too_much(file, read))
            yield block


def _unpacked(address: str, packed: BinaryIO) -> Any:
    if address.endswith(".gz"):
        return gzip.GzipFile(fileobj=packed)
    if address.endswith(".zst"):
        import pyarrow

        return pyarrow.CompressedInputStream(pyarrow.PythonFile(packed, mode="r"), "zstd")
    return packed


def _too_much(file: SourceFile, size: int) -> str:
    return (
        f"{file.address} ({file.size} bytes) unpacks to {size} bytes or more: take it out of the source, or raise "
        "rationalyst_corpus.file_bytes or .expansion if this is intended"
    )
