from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

import pytest

from stepwise.methods.rationalyst.corpus import packaged_documents
from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.methods.rationalyst.corpus.sources import SourceFile, find_files, fingerprint, shard
from stepwise.params.rationalyst import CorpusSource

REPO = Path(__file__).resolve().parents[4]


def file(name: str, size: int) -> SourceFile:
    return SourceFile("s", "text", name, name, size, "v")


def test_files_are_assigned_by_size_and_none_is_lost() -> None:
    files = [file("a", 10), file("b", 1), file("c", 8), file("d", 3)]
    parts = [shard(files, rank, 2) for rank in range(2)]
    assert [[source_file.name for source_file in part] for part in parts] == [["a", "b"], ["c", "d"]]


def test_addresses_are_searched_with_wildcards_under_the_data_folder(tmp_path: Path) -> None:
    for name in ("one.jsonl", "two.jsonl", "other.txt"):
        (tmp_path / name).write_text("{}")
    (first, second) = find_files([CorpusSource(name="s", kind="jsonl", address="*.jsonl", text_key="body")], tmp_path)
    assert (first.name, first.size, first.text_key) == ("one.jsonl", 2, "body")
    assert (second.name, second.size, second.text_key) == ("two.jsonl", 2, "body")


def test_the_fingerprint_depends_on_content_but_not_on_the_folder(tmp_path: Path) -> None:
    prints = []
    for folder, content in (("a", "x"), ("b", "x"), ("c", "y")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "f.txt").write_text(content)
        files = find_files([CorpusSource(name="s", kind="text", address="*.txt")], tmp_path / folder)
        prints.append(fingerprint(files))
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("address", "message"),
    [("nothing/*.jsonl", "has no file at"), ("nosuch://place/file", "cannot be reached"), ("", "has no file at")],
)
def test_a_source_that_is_not_there_is_one_clear_error(tmp_path: Path, address: str, message: str) -> None:
    with pytest.raises(CorpusError, match=f"source (of the corpus )?missing|missing .*{message}"):
        find_files([CorpusSource(name="missing", kind="jsonl", address=address)], tmp_path)


def test_two_sources_of_the_same_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="the same name"):
        find_files([CorpusSource(name="s", kind="packaged"), CorpusSource(name="s", kind="packaged")], tmp_path)


def test_every_packaged_document_is_there_and_locked() -> None:
    locked = "\n".join(path.read_text().lower() for path in (REPO / "requirements").glob("*.lock"))
    listed = packaged_documents.documents()
    assert len(listed) >= 24
    assert len({document.kind for document in listed}) >= 8
    for document in listed:
        assert packaged_documents.locate(document).is_file()
        pin = f"{document.package}=={document.version}"
        assert len(re.findall(rf"^{re.escape(document.package)}==", locked, flags=re.MULTILINE)) == 1
        assert re.search(rf"^{re.escape(pin)}\s", locked, flags=re.MULTILINE), pin


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "0" * 64}, r"of sympy 1\.\S+ is not the file that .* lists; install sympy=="),
        ({"path": "sympy/none.py"}, r"sympy 1\.\S+ has no file sympy/none\.py.*install sympy=="),
        ({"package": "no-such-package"}, r"needs the package no-such-package; install no-such-package=="),
    ],
)
def test_another_file_than_the_listed_one_names_the_package(change: dict[str, str], message: str) -> None:
    document = next(listed for listed in packaged_documents.documents() if listed.package == "sympy")
    assert document.version == importlib.metadata.version("sympy")
    with pytest.raises(packaged_documents.PackagedDocumentError, match=message):
        packaged_documents.locate(document.model_copy(update=change))
