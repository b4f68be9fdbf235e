"""Texts out of files that may be huge, broken or hostile, in memory that does not grow with them.

A broken file is an error that names it; a bad row is dropped and counted. No row longer than `row_bytes` is ever held,
and a file that unpacks out of all proportion is refused.
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

from stepwise.methods.rationalyst.corpus.sources import CorpusError, SourceFile

BLOCK = 1 << 20
SMALL = 8 << 20
"""Bytes up to which a file's expansion is not looked at."""

Drop = Callable[[str], None]
"""Counts a dropped row under a reason."""


class Limits(NamedTuple):
    """Most bytes of a row and of an unpacked file, and most times that a file may unpack to its size."""

    row_bytes: int
    file_bytes: int
    expansion: int


class Row(NamedTuple):
    """A text and where it begins in the file: the row, of plain text the line, from 0."""

    number: int
    text: str


def read(file: SourceFile, limits: Limits, drop: Drop) -> Iterator[Row]:
    """Texts of a file, in order.

    Args:
        file: JSON lines, parquet or plain text; .gz and .zst are unpacked.
        limits: what is too much.
        drop: told `row_too_long`, `invalid_utf8`, `invalid_json` or `no_text` for each row left out.

    Raises:
        CorpusError: a file that is damaged, cut off, or unpacks to too much.
    """
    readers = {"jsonl": _json_lines, "text": _plain_text, "parquet": _parquet}
    try:
        yield from readers[file.kind](file, limits, drop)
    except (OSError, EOFError, zlib.error) as error:
        remedy = "fetch it again, or take it out of the source"
        raise CorpusError(f"{file.address} is damaged, cut off or out of reach ({error}); {remedy}") from error


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
        found = row.get(file.text_key) if isinstance(row, dict) else None
        if isinstance(found, str) and found.strip():
            yield Row(number, found)
        else:
            drop("no_text")


def _plain_text(file: SourceFile, limits: Limits, drop: Drop) -> Iterator[Row]:
    """A text file as one row, or as several that end at blank lines where it is longer than a row may be.

    A stretch of lines, as of a docstring, loses the indentation that all of them have.
    """
    first, last = file.lines or (1, None)
    held: list[str] = []
    size, number = 0, first - 1
    for place, line in enumerate(islice(_lines(file, limits), first - 1, last), first - 1):
        text = _decoded(line, drop)
        if text is None:
            continue
        blank = not text.strip()
        if size + len(text) > limits.row_bytes or (blank and size > limits.row_bytes // 8):
            yield Row(number, _joined(held, file))
            held, size, number = [], 0, place
        held.append(text)
        size += len(text) + 1
    if any(text.strip() for text in held):
        yield Row(number, _joined(held, file))


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
                    found = value.as_py()
                    if not isinstance(found, str) or not found.strip():
                        drop("no_text")
                    elif len(found) > limits.row_bytes:
                        drop("row_too_long")
                    else:
                        yield Row(number, found)
                    number += 1
    except pyarrow.ArrowInvalid as error:
        raise CorpusError(f"{file.address} is no parquet file ({error}); fetch it again") from error


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
    """Lines without their ends; None for one of more than `row_bytes`, which is passed over block by block."""
    held = bytearray()
    over = False
    for block in _blocks(file, limits):
        for index, part in enumerate(block.split(b"\n")):
            if index:
                yield None if over else bytes(held)
                held.clear()
                over = False
            if not over and len(held) + len(part) <= limits.row_bytes:
                held += part
            else:
                over = True
                held.clear()
    if over or held:
        yield None if over else bytes(held)


def _blocks(file: SourceFile, limits: Limits) -> Iterator[bytes]:
    """A file's bytes, unpacked, in blocks."""
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
        f"{file.address} ({file.size} bytes) unpacks to {size} bytes and more: take it out of the source, or raise "
        "rationalyst_corpus.file_bytes or .expansion if it is right"
    )
