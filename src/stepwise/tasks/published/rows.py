"""Rows of the published data files: JSON lines or one JSON array, plain or gzipped."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from stepwise.errors import StepwiseError

Row = dict[str, Any]
M = TypeVar("M", bound=BaseModel)

_REMEDY = "set STEPWISE_DATA to the folder of the data sets, or fetch them with `make data`"


class DataError(StepwiseError, ValueError):
    """A data file that is missing, broken or empty; the message names the file, the line and the remedy."""


def find(folder: Path, stems: Sequence[str]) -> Path:
    """The first data file with one of these names (`gsm8k/train`), any suffix. Raises DataError if there is none."""
    if not folder.is_dir():
        raise DataError(f"the data folder {folder} does not exist; {_REMEDY}")
    if path := find_or_none(folder, stems):
        return path
    raise DataError(f"{folder} has no {' or '.join(f'{stem}.jsonl' for stem in stems)} (nor .json, .gz); {_REMEDY}")


def find_or_none(folder: Path, stems: Sequence[str]) -> Path | None:
    """The first data file with one of these names, or None."""
    names = (f"{stem}{ending}" for stem in stems for ending in (".jsonl", ".jsonl.gz", ".json", ".json.gz"))
    return next((path for name in names if (path := folder / name).is_file()), None)


def read_rows(path: Path, fields: Sequence[str]) -> list[Row]:
    """Rows of a file, each an object with at least these fields as strings. Raises DataError naming the bad line."""
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


def read_models(path: Path, model: type[M]) -> list[M]:
    """Rows of a file as a checked type; unknown fields are ignored. Raises DataError, see read_rows."""
    rows = []
    for where, row in _parsed(path):
        try:
            rows.append(model.model_validate(row))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"]) or "the row"
            raise DataError(f"{path}, {where}: {field}: {first['msg']}; {_REMEDY}") from error
    if not rows:
        raise DataError(f"{path} is empty; {_REMEDY}")
    return rows


def _parsed(path: Path) -> Iterator[tuple[str, Any]]:
    """Every value of a file with its location."""
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
