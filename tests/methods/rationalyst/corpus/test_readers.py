from __future__ import annotations

import gzip
import json
import tracemalloc
from collections import Counter
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.methods.rationalyst.corpus.readers import Limits, Row, read
from stepwise.methods.rationalyst.corpus.sources import SourceFile

LIMITS = Limits(row_bytes=1_000_000, file_bytes=1 << 40, expansion=100)


def source(path: Path, kind: str = "jsonl", lines: tuple[int, int] | None = None) -> SourceFile:
    return SourceFile("s", kind, str(path), path.name, path.stat().st_size, "v", lines=lines)


def rows(file: SourceFile, limits: Limits = LIMITS) -> tuple[list[Row], Counter[str]]:
    dropped: Counter[str] = Counter()
    return list(read(file, limits, lambda reason: dropped.update([reason]))), dropped


def test_json_lines_plain_and_packed_are_the_same(tmp_path: Path) -> None:
    content = b'{"text": "one"}\n\n{"text": "two", "id": 7}\n'
    (tmp_path / "a.jsonl").write_bytes(content)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(content))
    with pyarrow.CompressedOutputStream(str(tmp_path / "a.jsonl.zst"), "zstd") as out:
        out.write(content)
    expected = ([Row(0, "one"), Row(2, "two")], Counter())
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst"):
        assert rows(source(tmp_path / name)) == expected


def test_bad_rows_are_dropped_and_counted_with_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    bad = [b"{broken", b'{"text": "\xff"}', b"[1]", b'{"other": "x"}', b'{"text": 3}', b"[" * 100_000]
    path.write_bytes(b"\n".join([b'{"text": "good"}', *bad]))
    texts, dropped = rows(source(path))
    assert [row.text for row in texts] == ["good"]
    assert dropped == {"invalid_json": 2, "invalid_utf8": 1, "no_text": 3}


def test_a_line_of_200_mb_is_skipped_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with path.open("wb") as out:
        out.write(b'{"text": "before"}\n{"text": "')
        for _ in range(200):
            out.write(b"x" * 1_000_000)
        out.write(b'"}\n{"text": "after"}\n')
    tracemalloc.start()
    texts, dropped = rows(source(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [row.text for row in texts] == ["before", "after"]
    assert dropped == {"row_too_long": 1}
    assert peak < 20_000_000


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.jsonl.gz"
    with gzip.open(path, "wb", compresslevel=9) as out:
        for _ in range(100):
            out.write(b" " * 1_000_000)
    with pytest.raises(CorpusError, match=r"bomb\.jsonl\.gz .* unpacks to .*take it out of the source"):
        rows(source(path))


def test_a_file_over_the_cap_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "x"}\n' * 1000)
    with pytest.raises(CorpusError, match=r"raise rationalyst_corpus\.file_bytes"):
        rows(source(path), LIMITS._replace(file_bytes=5000))


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_a_truncated_file_is_one_clear_error(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.jsonl{ending}"
    content = "".join(json.dumps({"text": f"{number * 7919 % 10007}"}) + "\n" for number in range(20_000)).encode()
    codec = "gzip" if ending == ".gz" else "zstd"
    with pyarrow.CompressedOutputStream(str(path), codec) as out:
        out.write(content)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CorpusError, match=r"a\.jsonl\.\w+ is damaged, truncated or unreachable .*fetch it again"):
        rows(source(path))


def test_a_file_that_is_not_gzip_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(b"plain text")
    with pytest.raises(CorpusError, match="is damaged"):
        rows(source(path))


def test_parquet_rows_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"text": ["one", None, "x" * 50, "two"], "n": [1, 2, 3, 4]}), path)
    texts, dropped = rows(source(path, "parquet"), LIMITS._replace(row_bytes=20))
    assert texts == [Row(0, "one"), Row(3, "two")]
    assert dropped == {"no_text": 1, "row_too_long": 1}
    with pytest.raises(CorpusError, match="has no column body; it has text, n"):
        rows(SourceFile("s", "parquet", str(path), "a", 1, "v", text_key="body"))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CorpusError, match="is not a valid parquet file"):
        rows(source(path, "parquet"))


def test_a_long_plain_text_becomes_rows_that_end_at_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("\n\n".join(f"Paragraph {number} has some words." for number in range(100)))
    texts, _ = rows(source(path, "text"), LIMITS._replace(row_bytes=800))
    assert len(texts) > 10
    assert "\n".join(row.text for row in texts) == path.read_text()
    assert len({row.number for row in texts}) == len(texts)


def test_a_stretch_of_lines_loses_its_common_indentation(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text('def f():\n    """Say.\n\n      More,\n    and so on.\n    """\n')
    assert rows(source(path, "text", lines=(4, 5)))[0] == [Row(3, "  More,\nand so on.")]
