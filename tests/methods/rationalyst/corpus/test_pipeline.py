"""The corpus pipeline on small sources: what is kept, what is dropped, and that a kill changes nothing."""

from __future__ import annotations

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from stepwise.methods.rationalyst.corpus import executors, manifest
from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.methods.rationalyst.corpus.pipeline import REJECTED, chunk
from stepwise.params.rationalyst import BenchmarkFile, CorpusSource, RationalystCorpusParams, SlurmArray
from stepwise.records import Document, Problem, Solution, read_jsonl, write_jsonl

REPO = Path(__file__).resolve().parents[4]
TOKENIZER = str(REPO / "checkpoints" / "tiny")
NOUNS = ("river", "stone", "market", "teacher", "winter", "engine", "garden", "letter", "window", "forest", "bridge")
VERBS = ("crosses", "finds", "builds", "watches", "leaves", "paints", "carries", "follows", "opens", "draws", "hides")


def story(seed: int, sentences: int = 8) -> str:
    chance = random.Random(seed)

    def sentence() -> str:
        pair = [f"{chance.choice(NOUNS)} {chance.randrange(100)}" for _ in range(3)]
        return f"The {pair[0]} {chance.choice(VERBS)} the {pair[1]} near a {pair[2]}."

    return " ".join(sentence() for _ in range(sentences))


def write(path: Path, texts: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(path, "wt", encoding="utf-8") as out:
        out.writelines(json.dumps({"text": text}) + "\n" for text in texts)


def settings(**changes: Any) -> RationalystCorpusParams:
    values = {
        "sources": [CorpusSource(name=name, kind="jsonl", address=f"{name}*.jsonl.gz") for name in ("a", "b")],
        "tokenizer": TOKENIZER, "tokens": 400, "least_tokens": 20, "shards": 3,
    }  # fmt: skip
    return RationalystCorpusParams.model_validate({**values, **changes})


def make(
    folder: Path, params: RationalystCorpusParams, name: str = "run", tests: tuple[Path, ...] = ()
) -> executors.Counts:
    return chunk(params, data=folder / "data", tests=tests, work=folder / name / "work", out=folder / name / "out")


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two sources in five files, with an exact duplicate, a near duplicate and a text with a test question."""
    originals = [story(seed) for seed in range(30)]
    near = originals[4].replace("The", "THE", 1) + " And that was all."
    question = "How many stones does the teacher carry over the bridge when winter comes to the island?"
    for part in range(4):
        write(tmp_path / "data" / f"a{part}.jsonl.gz", originals[part::4])
    write(tmp_path / "data" / "b.jsonl.gz", [originals[3], near, f"{story(90)} {question}", "Short.", story(91, 200)])
    problem = Problem(
        id="p", task="t", split="test", question=question, answer="1", reference=Solution(text="One.", answer="1")
    )
    write_jsonl(tmp_path / "tests.jsonl", [problem])
    return tmp_path


def test_what_is_kept_and_what_is_not(data: Path) -> None:
    counts = make(data, settings(), tests=(data / "tests.jsonl",))
    folder = data / "run" / "out"
    kept = list(manifest.all_documents(folder))
    rejected = Counter(document.meta["reason"] for document in read_jsonl(folder / REJECTED, Document))
    assert rejected == {"exact_duplicate": 1, "near_duplicate": 1, "test_overlap": 1}
    assert counts["read"] == 35
    assert counts["read.b"] == 5
    assert counts["dropped.too_short"] == 1
    assert counts["overlap.13"] == counts["overlap.13.b"] == counts["overlap.8"] == 1
    assert counts["documents"] == len(kept) == manifest.load(folder).rows
    assert len({document.id for document in kept}) == len(kept)
    texts = " ".join(document.text for document in kept)
    assert all(texts.count(story(seed)) + (seed == 4) >= 1 for seed in range(30))
    long = "".join(document.text for document in sorted(kept, key=_piece) if document.id.startswith("b/b.jsonl.gz:4."))
    assert "".join(long.split()) == "".join(story(91, 200).split()), "a long text is cut, not dropped"


def test_every_exact_duplicate_is_found(tmp_path: Path) -> None:
    stories = [story(seed) for seed in range(40)]
    write(tmp_path / "data" / "a.jsonl.gz", stories)
    write(tmp_path / "data" / "b.jsonl.gz", stories)
    counts = make(tmp_path, settings())
    assert (counts["documents"], counts["dropped.exact_duplicate"]) == (40, 40)
    assert "dropped.near_duplicate" not in counts


def _piece(document: Document) -> int:
    return int(document.id.rpartition(".")[2])


def test_workers_and_a_second_run_change_no_byte(data: Path) -> None:
    first = make(data, settings(), "one")
    assert make(data, settings(workers=2), "two") == first
    assert files(data / "one" / "out") == files(data / "two" / "out")
    assert make(data, settings(), "one") == first


def test_the_manifest_holds_rows_and_hashes(data: Path) -> None:
    import hashlib

    make(data, settings())
    folder = data / "run" / "out"
    for shard in manifest.load(folder).shards:
        content = (folder / shard.name).read_bytes()
        assert (shard.rows, shard.sha256) == (content.count(b"\n"), hashlib.sha256(content).hexdigest())
    shard = manifest.load(folder).shards[0]
    (folder / shard.name).write_bytes(content[:0])
    with pytest.raises(CorpusError, match=r"has 0 documents, its manifest says"):
        list(manifest.documents(folder, shard))


def test_another_sharding_and_other_inputs_are_refused(data: Path) -> None:
    make(data, settings())
    with pytest.raises(CorpusError, match=r"begun with other shards and settings \(shards 3, now 4.*remove the folder"):
        make(data, settings(shards=4))
    write(data / "data" / "a0.jsonl.gz", [story(99)])
    with pytest.raises(CorpusError, match=r"begun with other inputs"):
        make(data, settings())


def test_benchmark_files_count_as_test_problems(data: Path) -> None:
    write(data / "data" / "bench.jsonl.gz", [])
    with gzip.open(data / "data" / "bench.jsonl.gz", "wt") as out:
        out.write(json.dumps({"question": story(7, 2), "label": "x"}) + "\n")
    counts = make(data, settings(benchmarks=[BenchmarkFile(path="bench.jsonl.gz", fields=["question"])]))
    assert counts["dropped.test_overlap"] == 1


def test_an_empty_corpus_is_one_clear_error(data: Path) -> None:
    write(data / "data" / "b.jsonl.gz", ["Too short.", "\x00"])
    only = [CorpusSource(name="b", kind="jsonl", address="b.jsonl.gz")]
    message = r"the corpus is empty: 2 texts read, dropped: .*too_short.*correct rationalyst_corpus\.sources"
    with pytest.raises(CorpusError, match=message):
        make(data, settings(sources=only))


KILLED = """
import sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
import test_pipeline
test_pipeline.make(Path({folder!r}), test_pipeline.settings(workers={workers}), "killed")
"""


@pytest.mark.parametrize("workers", [1, 2])
def test_kill_9_changes_no_byte_and_finished_parts_are_not_rebuilt(tmp_path: Path, workers: int) -> None:
    chance = random.Random(workers)
    for part in range(3):
        write(tmp_path / "data" / f"a{part}.jsonl.gz", [story(1000 * part + seed, 300) for seed in range(60)])
    write(tmp_path / "data" / "b.jsonl.gz", [story(5)])
    code = KILLED.format(tests=str(Path(__file__).parent), folder=str(tmp_path), workers=workers)
    marks = tmp_path / "killed" / "work" / "logs" / "pieces" / "completions"
    running = subprocess.Popen(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    )
    for _ in range(2000):
        if running.poll() is not None or (marks.is_dir() and any(marks.iterdir())):
            break
        time.sleep(0.02)
    time.sleep(chance.random() * 0.5)
    assert running.poll() is None, "it ended before it could be killed"
    running.send_signal(signal.SIGKILL)
    running.wait()
    time.sleep(0.2)
    before = {path.name: path.stat().st_mtime_ns for path in marks.iterdir()}
    resumed = make(tmp_path, settings(workers=workers), "killed")
    assert before
    assert {name: (marks / name).stat().st_mtime_ns for name in before} == before
    assert make(tmp_path, settings(workers=workers), "whole") == resumed
    assert files(tmp_path / "killed" / "out") == files(tmp_path / "whole" / "out")


FAKE = {
    "sbatch": """
import os, re, subprocess, sys
script = open(sys.argv[-1]).read()
array = re.search(r"#SBATCH --array=0-(\\d+)", script)
last = int(array.group(1)) if array and "merge_stats" not in script else -1
for task in range(last + 1):
    given = {"SLURM_ARRAY_TASK_ID": str(task), "SLURM_NODELIST": "here", "RUN_OFFSET": "0"}
    subprocess.run(["bash", "-c", script], env={**os.environ, **given}, check=True, stdout=sys.stderr)
print("Submitted batch job 7")
""",
    "srun": """
import os, sys
command = sys.argv[sys.argv.index("launch_pickled_pipeline"):]
os.execvp(command[0], command)
""",
    "scontrol": "print('here')",
    "squeue": "print('COMPLETED|None')",
}


def test_the_slurm_executor_runs_the_same_steps_to_the_same_bytes(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = data / "bin"
    tools.mkdir()
    for name, code in FAKE.items():
        (tools / name).write_text(f"#!{sys.executable} -S\n{code}")
        (tools / name).chmod(0o755)
    path = f"{tools}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)
    sources = [CorpusSource(name="b", kind="jsonl", address="b.jsonl.gz")]
    here = make(data, settings(sources=sources, shards=1, minhash_buckets=1), "here")
    array = SlurmArray(partition="debug", time="00:10:00")
    there = make(data, settings(sources=sources, shards=1, minhash_buckets=1, slurm=array), "there")
    assert there == here
    assert files(data / "there" / "out") == files(data / "here" / "out")


def test_a_slurm_job_that_dies_is_one_clear_error(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = data / "bin"
    tools.mkdir()
    for name, code in {**FAKE, "sbatch": "print('Submitted batch job 7')", "squeue": "print('FAILED|None')"}.items():
        (tools / name).write_text(f"#!{sys.executable} -S\n{code}")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(CorpusError, match=r"the Slurm job 7 ended before all tasks of pieces were done .*run it again"):
        make(data, settings(slurm=SlurmArray(partition="debug")))
