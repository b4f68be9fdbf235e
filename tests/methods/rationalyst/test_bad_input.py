"""The real stages on sources that are huge, broken or hostile, and with a model server that is down."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import yaml

from stepwise.records import Document, Problem, read_jsonl, write_jsonl
from tests.methods.rationalyst.corpus.test_pipeline import story
from tests.workspaces import make_workspace, run

pytestmark = pytest.mark.slow
PARAMS = [
    "data_dir=sources",
    "rationalyst_corpus.sources=[{name: s, kind: jsonl, address: '*.jsonl*', licence: none}]",
    "rationalyst_corpus.least_tokens=20",
    "backend.kind=openai",
    "backend.addresses=['http://127.0.0.1:9']",
]
GOOD = b"".join(json.dumps({"text": story(seed)}).encode() + b"\n" for seed in range(3))


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = make_workspace(tmp_path, PARAMS)
    (folder / "sources").mkdir()
    for task in yaml.safe_load((folder / "params.yaml").read_text())["tasks"]:
        problem = Problem(id="p", task=task, split="test", question="How many stones are there?", answer="1")
        write_jsonl(folder / "tasks" / task / "test.jsonl", [problem])
    return folder


def chunk(workspace: Path) -> tuple[int, str]:
    out = ("--out", "documents", "--metrics", "metrics.json")
    return run(workspace, "stages/rationalyst_chunk.py", "--problems", "tasks", *out)


def test_bad_rows_are_left_out_and_counted(workspace: Path) -> None:
    """A line of 200 MB (a hole in the file), one that is no UTF-8, one that is no JSON, and three good ones."""
    with (workspace / "sources" / "a.jsonl").open("wb") as out:
        out.write(GOOD + b'{"text": "\xff\xfe"}\n{"text": \n{"text": "')
        out.seek(200_000_000, 1)
        out.write(b'"}\n')
    code, output = chunk(workspace)
    assert code == 0, output
    counts = json.loads((workspace / "metrics.json").read_text())
    assert counts["documents"] == counts["read"] == 3
    assert {name: counts[f"dropped.{name}"] for name in ("row_too_long", "invalid_utf8", "invalid_json")} == {
        "row_too_long": 1, "invalid_utf8": 1, "invalid_json": 1,
    }  # fmt: skip
    shards = sorted((workspace / "documents").glob("shard-*"))
    kept = [document.text for path in shards for document in read_jsonl(path, Document)]
    assert sorted(kept) == sorted(story(seed) for seed in range(3))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bomb.jsonl.gz", gzip.compress(b" " * 20_000_000), "bomb.jsonl.gz (19"),
        ("cut.jsonl.gz", gzip.compress(GOOD)[:-20], "cut.jsonl.gz is damaged, truncated or unreachable"),
        ("empty.jsonl", b"", "the corpus is empty: 0 texts read, dropped: none"),
    ],
)
def test_a_source_that_cannot_be_read_is_one_clear_error(
    workspace: Path, name: str, content: bytes, message: str
) -> None:
    (workspace / "sources" / name).write_bytes(content)
    code, output = chunk(workspace)
    assert code == 2
    assert output.startswith("rationalyst_chunk: ")
    assert message in output
    assert len(output.splitlines()) == 1
    assert not (workspace / "documents").exists()


IMPATIENT = """
import runpy, sys
from stepwise.generation.openai_client import Client
Client.__init__.__kwdefaults__["ready_seconds"] = 0.2
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def test_a_server_that_is_down_is_one_clear_error(workspace: Path) -> None:
    write_jsonl(workspace / "corpus.jsonl", [Document(id="d", source="s", text=story(1))])
    command = ["stages/rationalyst_mine.py", "--source", "corpus", "--documents", "corpus.jsonl"]
    outs = ["--model", "checkpoints/tiny", "--out", "notes.jsonl", "--metrics", "metrics.json"]
    code, output = run(workspace, "-c", IMPATIENT, *command, *outs)
    assert code == 2, output
    assert "rationalyst_mine: no server answered within 0 s: http://127.0.0.1:9" in output
    assert "Traceback" not in output
    assert not (workspace / "notes.jsonl").exists()
