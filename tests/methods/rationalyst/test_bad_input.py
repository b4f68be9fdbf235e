"""What the real stages make of sources that are huge, broken or hostile, and of a model server that is away."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from stepwise.records import Document, Problem, read_jsonl, write_jsonl
from tests.methods.rationalyst.corpus.test_pipeline import story
from tests.methods.rationalyst.rooms import make_room, run

pytestmark = pytest.mark.slow
TASKS = ("word_problems", "multistep_arithmetic", "word_sorting", "word_problems_text")
PARAMS = [
    "data_dir=sources",
    "rationalyst_corpus.sources=[{name: s, kind: jsonl, address: '*.jsonl*', licence: none}]",
    "rationalyst_corpus.least_tokens=20",
    "backend.kind=openai",
    "backend.addresses=['http://127.0.0.1:9']",
]
GOOD = b"".join(json.dumps({"text": story(seed)}).encode() + b"\n" for seed in range(3))


@pytest.fixture
def room(tmp_path: Path) -> Path:
    folder = make_room(tmp_path, PARAMS)
    (folder / "sources").mkdir()
    for task in TASKS:
        problem = Problem(id="p", task=task, split="test", question="How many stones are there?", answer="1")
        write_jsonl(folder / "tasks" / task / "test.jsonl", [problem])
    return folder


def chunk(room: Path) -> tuple[int, str]:
    out = ("--out", "documents", "--metrics", "metrics.json")
    return run(room, "stages/rationalyst_chunk.py", "--problems", "tasks", *out)


def test_bad_rows_are_left_out_and_counted(room: Path) -> None:
    """A line of 200 MB (a hole in the file), one that is no UTF-8, one that is no JSON, and three good ones."""
    with (room / "sources" / "a.jsonl").open("wb") as out:
        out.write(GOOD + b'{"text": "\xff\xfe"}\n{"text": \n{"text": "')
        out.seek(200_000_000, 1)
        out.write(b'"}\n')
    code, said = chunk(room)
    assert code == 0, said
    counts = json.loads((room / "metrics.json").read_text())
    assert counts["documents"] == counts["read"] == 3
    assert {name: counts[f"dropped.{name}"] for name in ("row_too_long", "invalid_utf8", "invalid_json")} == {
        "row_too_long": 1, "invalid_utf8": 1, "invalid_json": 1,
    }  # fmt: skip
    kept = [one.text for path in sorted((room / "documents").glob("shard-*")) for one in read_jsonl(path, Document)]
    assert sorted(kept) == sorted(story(seed) for seed in range(3))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bomb.jsonl.gz", gzip.compress(b" " * 20_000_000), "bomb.jsonl.gz (19"),
        ("cut.jsonl.gz", gzip.compress(GOOD)[:-20], "cut.jsonl.gz is damaged, cut off or out of reach"),
        ("empty.jsonl", b"", "the corpus is empty: 0 texts read, dropped: none"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_clear_error(room: Path, name: str, content: bytes, message: str) -> None:
    (room / "sources" / name).write_bytes(content)
    code, said = chunk(room)
    assert code == 2
    assert said.startswith("rationalyst_chunk: ")
    assert message in said
    assert len(said.splitlines()) == 1
    assert not (room / "documents").exists()


IMPATIENT = """
import runpy, sys
from stepwise.generation.openai_client import Client
Client.__init__.__kwdefaults__["ready_seconds"] = 0.2
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_server_that_is_away_is_one_clear_error(room: Path) -> None:
    write_jsonl(room / "corpus.jsonl", [Document(id="d", source="s", text=story(1))])
    command = ["stages/rationalyst_mine.py", "--source", "corpus", "--documents", "corpus.jsonl"]
    made = ["--model", "checkpoints/tiny", "--out", "notes.jsonl", "--metrics", "metrics.json"]
    code, said = run(room, "-c", IMPATIENT, *command, *made)
    assert code == 2, said
    assert "rationalyst_mine: no server answered within 0 s: http://127.0.0.1:9" in said
    assert "Traceback" not in said
    assert not (room / "notes.jsonl").exists()
