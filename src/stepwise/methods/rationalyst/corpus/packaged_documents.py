"""The default corpus: prose inside packages that the locks pin, listed with hash and licence; nothing is fetched."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from importlib import resources
from pathlib import Path

from pydantic import TypeAdapter

from stepwise.errors import StepwiseError
from stepwise.records import Record

LIST = "packaged_documents.json"


class PackagedDocumentError(StepwiseError, ValueError):
    """A packaged document that is not the one that was listed; the message names the package and the remedy."""


class PackagedDocument(Record):
    """A stretch of a text file of an installed package."""

    package: str
    version: str
    path: str
    """Below the folder into which packages are installed."""
    sha256: str
    """Of the whole file."""
    licence: str
    kind: str
    """What the text is: a guide, reference, description of data, mathematics ..."""
    lines: tuple[int, int] | None = None
    """First and last line that are read, counted from 1."""


def documents() -> list[PackagedDocument]:
    """The list that ships with this package."""
    listed = json.loads(resources.files(__package__).joinpath(LIST).read_text(encoding="utf-8"))
    return TypeAdapter(list[PackagedDocument]).validate_python(listed)


def locate(document: PackagedDocument) -> Path:
    """The document's file, which is the listed one byte for byte. The package is not imported.

    Raises:
        PackagedDocumentError: the package is missing, of another version, or has another file there.
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
    with path.open("rb") as data:
        found = hashlib.file_digest(data, "sha256").hexdigest()
    if found != document.sha256:
        raise PackagedDocumentError(
            f"{document.path} of {document.package} {distribution.version} is not the file that {LIST} lists; {remedy}"
        )
    return path
