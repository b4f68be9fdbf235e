"""Rows of the published data files: JSON lines or one JSON array, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from stepwise.errors import StepwiseError

Row = dict[str, Any]

_REMEDY = "set STEPWISE_DATA to the folder of the data sets, or fetch them with `make data`"


class DataError(StepwiseError, ValueError):
    """A data file that is missing, broken or empty; the message names the file, the line and the remedy."""


def find(folder: Path, stems: Sequence[str]) -> Path:
    """The first data file of some names (`gsm8k/train`), whatever its ending. Raises DataError if there is none."""
    if not folder.is_dir():
        raise DataError(f"the data folder {folder} does not exist; {_REMEDY}")
    for stem in stems:
        for ending in (".jsonl", ".jsonl.gz", ".json", ".json.gz"):
            if (path := folder / f"{stem}{ending}").is_file():
                return path
    raise DataError(f"{folder} has no {' or '.join(f'{stem}.jsonl' for stem in stems)} (nor .json, .gz); {_REMEDY}")


def read_rows(path: Path, fields: Sequence[str]) -> list[Row]:
    """Rows of a file, each an object with at least these fields as texts. Raises DataError naming the bad line."""
    rows = []
    for where, row in _parsed(path):
        if not isinstance(row, dict):
            raise DataError(f"{path}, {where}: not an object; {_REMEDY}")
        missing = [field for field in fields if not isinstance(row.get(field), str)]
        if missing:
            raise DataError(f"{path}, {where}: no text under {', '.join(missing)}; {_REMEDY}")
        rows.append(row)
    if not rows:
        raise DataError(f"{path} is empty; {_REMEDY}")
    return rows


def _parsed(path: Path) -> Iterator[tuple[str, Any]]:
    """Every value of a file and where it stands."""
    text = _text(path)
    if text.lstrip()[:1] == "[":
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise DataError(f"{path}, line {error.lineno}: {error.msg}; {_REMEDY}") from error
        yield from ((f"item {number}", value) for number, value in enumerate(values, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield f"line {number}", json.loads(line)
            except json.JSONDecodeError as error:
                raise DataError(f"{path}, line {number}: {error.msg}; {_REMEDY}") from error


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        return (gzip.decompress(content) if path.suffix == ".gz" else content).decode("utf-8")
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path} is damaged ({error}); {_REMEDY}") from error
