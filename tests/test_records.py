"""Files of records: an error names the file, the line and the remedy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepwise.records import Document, RecordError, read_jsonl, write_jsonl, write_plot

ROWS = [Document(id="a", source="s", text="one\u2028two"), Document(id="b", source="s", text="\u00e9")]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    assert write_jsonl(tmp_path / "rows.jsonl", ROWS) == 2
    assert read_jsonl(tmp_path / "rows.jsonl", Document) == ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"id": "a", "source": "s"}\n', r"rows\.jsonl, line 2: text: Field required"),
        (b'{"id": "a", "source": "s", "text": 3}\n', r"rows\.jsonl, line 2: text: Input should be a valid string"),
        (b'{"id": "a", "sour', r"rows\.jsonl, line 2: the line: Invalid JSON"),
        (b'{"id": "a", "source": "s", "text": "\xff"}\n', r"rows\.jsonl, line 1 or later: no UTF-8 .*run the stage"),
    ],
)
def test_a_broken_file_is_one_clear_error(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    write_jsonl(path, ROWS[:1])
    path.write_bytes(path.read_bytes() + content)
    with pytest.raises(RecordError, match=message):
        read_jsonl(path, Document)


def test_a_missing_file_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"rows\.jsonl does not exist; run the stage that writes it"):
        read_jsonl(tmp_path / "rows.jsonl", Document)


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "rows.jsonl", ROWS)

    def broken():
        yield ROWS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_jsonl(tmp_path / "rows.jsonl", broken())
    assert read_jsonl(tmp_path / "rows.jsonl", Document) == ROWS
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_every_row_of_a_plot_has_every_column(tmp_path: Path) -> None:
    """DVC drops a plot whose first row lacks a column of a later one."""
    write_plot(tmp_path / "plot.json", [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0, "dev_score": 0.5}])
    rows = json.loads((tmp_path / "plot.json").read_text())
    assert rows == [{"step": 1, "loss": 2.0, "dev_score": None}, {"step": 2, "loss": 1.0, "dev_score": 0.5}]
