"""The default corpus: prose inside packages that the lock files pin, listed with hash and licence. No downloads."""

from __future__ import annotations

import importlib.metadata
import json
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter

from stepwise.errors import StepwiseError
from stepwise.records import Record, file_hash

LIST = "packaged_documents.json"


class PackagedDocumentError(StepwiseError, ValueError):
    """A packaged document that differs from the listed one; the message names the package and the remedy."""


class PackagedDocument(Record):
    """A stretch of a text file of an installed package."""

    package: str
    version: str
    path: str
    """Relative to the folder that packages are installed in."""
    sha256: str
    """Of the whole file."""
    licence: str
    kind: str
    """The kind of text: a guide, reference, description of data, mathematics ..."""
    lines: tuple[int, int] | None = None
    """First and last line to read, counted from 1."""


def documents() -> list[PackagedDocument]:
    """The list that ships with this package."""
    listed = json.loads(resources.files(__package__).joinpath(LIST).read_text(encoding="utf-8"))
    return TypeAdapter(list[PackagedDocument]).validate_python(listed)


def locate(document: PackagedDocument) -> Path:
    """The document's file, verified to be the listed one byte for byte. The package is not imported.

    Raises:
        PackagedDocumentError: the package is missing, has another version, or another file in its place.
    """
    remedy = f"install {document.package}=={document.version} as the locks pin it (`make install`)"
    try:
        distribution = importlib.metadata.distribution(document.package)
    except importlib.metadata.PackageNotFoundError as error:
        raise PackagedDocumentError(f"the corpus needs the package {document.package}; {remedy}") from error
    path = Path(str(distribution.locate_file(document.path)))
    if not path.is_file():
        raise PackagedDocumentError(
            f"{document.package} {distribution.version} has no file {document.path}, which the corpus reads; {remedy}"
        )
    if file_hash(path, "sha256") != document.sha256:
        raise PackagedDocumentError(
            f"{document.path} of {document.package} {distribution.version} is not the file that {LIST} lists; {remedy}"
        )
    return path
