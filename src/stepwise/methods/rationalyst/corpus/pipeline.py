"""From sources of text to shards of documents: read, clean, cut, decontaminate, deduplicate (spec 1.1, 5.1).

The phases of datatrove steps: every shard of the sources becomes pieces with signatures; the signatures give pairs and
clusters of duplicates; every shard is written without its duplicates. The steps are the same here and on Slurm.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from datatrove.pipeline.base import PipelineStep

from stepwise.methods.rationalyst.corpus import duplicates, executors, manifest
from stepwise.methods.rationalyst.corpus.cutting import tokenizer_file
from stepwise.methods.rationalyst.corpus.decontamination import TestIndex, index_tests
from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.methods.rationalyst.corpus.packaged_models import model_folder
from stepwise.methods.rationalyst.corpus.readers import Limits
from stepwise.methods.rationalyst.corpus.sources import SourceFile, find_files, fingerprint
from stepwise.methods.rationalyst.corpus.steps import Clean, Cut, Decontaminate, Read, WritePieces, WriteShards
from stepwise.params.rationalyst import RationalystCorpusParams
from stepwise.records import Problem, file_hash, iterate_jsonl, write_json
from stepwise.tasks.published.rows import find, read_rows

REJECTED = "rejected.jsonl"
PLAN = "plan.json"
COUNTED = ("read", "documents", "tokens", "dropped", "removed", "overlap")
"""Names of our steps' counts up to the first dot; no two phases share one."""


class Phase(NamedTuple):
    """Steps that run over a number of tasks; the next phase starts when all are done."""

    name: str
    steps: list[PipelineStep]
    tasks: int


def chunk(
    params: RationalystCorpusParams, *, data: Path, tests: Sequence[Path], work: Path, out: Path
) -> executors.Counts:
    """Build the corpus.

    Args:
        params: sources, budget, shards, limits.
        data: base folder of relative addresses.
        tests: files of test problems that no document may contain.
        work: folder for work in progress; a killed run resumes from it.
        out: the new folder: shards, manifest.json, and rejected.jsonl with the rejected documents and the reasons.

    Returns:
        Counts of texts read, documents and tokens, and of what was dropped and removed, by reason or source.

    Raises:
        CorpusError: a source that cannot be read, work begun with other settings, or no document left.
    """
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    files = find_files(params.sources, data)
    tokenizer = model_folder(params.tokenizer)
    index = index_tests(_test_texts(tests, params, data), params.ngrams)
    plan = {
        "shards": params.shards,
        "inputs": fingerprint(files),
        "settings": _settings(params, index, tokenizer),
    }
    _begin(work, plan)
    index.save(work / "tests.npz")
    counts: executors.Counts = {}
    for phase in phases(params, files, tokenizer, work):
        counted = executors.run(
            phase.steps, phase.name, tasks=phase.tasks, workers=params.workers, array=params.slurm, work=work
        )
        counts |= _own_counts(counted)
    if not counts.get("documents"):
        dropped = {name: count for name, count in counts.items() if name.startswith("dropped.")}
        raise CorpusError(
            f"the corpus is empty: {counts.get('read', 0)} texts read, dropped: {dropped or 'none'}; "
            "correct rationalyst_corpus.sources or its text_key"
        )
    _publish(work, plan, out)
    return counts


def phases(params: RationalystCorpusParams, files: Sequence[SourceFile], tokenizer: str, work: Path) -> list[Phase]:
    """The whole pipeline, for either executor. Paths are absolute, so that jobs on other nodes find them."""
    work = work.absolute()
    tokenizer = str(Path(tokenizer).absolute()) if Path(tokenizer).is_dir() else tokenizer
    limits = Limits(params.row_bytes, params.file_bytes, params.expansion)
    pieces = [
        Read(files, limits),
        Clean(),
        Cut(tokenizer, params.tokens, params.least_tokens),
        Decontaminate(work / "tests.npz", work / "overlapping"),
        WritePieces(work / "pieces"),
        duplicates.signatures(params, work / "signatures"),
    ]
    buckets = params.minhash_buckets + 1
    clusters = duplicates.Clusters(work / "pairs", work / "duplicates", params.shards, buckets)
    shards = WriteShards(work / "pieces", work / "duplicates", work / "repeated", work / "shards")
    return [
        Phase("pieces", pieces, params.shards),
        Phase("pairs", [duplicates.pairs(params, work / "signatures", work / "pairs")], buckets),
        Phase("clusters", [clusters], 1),
        Phase("shards", [shards], params.shards),
    ]


def _test_texts(tests: Sequence[Path], params: RationalystCorpusParams, data: Path) -> Iterator[str]:
    """Questions and reference solutions of test problems, and the fields of the benchmark files."""
    for path in tests:
        for problem in iterate_jsonl(path, Problem):
            yield problem.question
            if problem.reference is not None:
                yield problem.reference.text
    for benchmark in params.benchmarks:
        stem = benchmark.path.removesuffix(".gz").removesuffix(".jsonl").removesuffix(".json")
        for row in read_rows(find(data, [stem]), benchmark.fields):
            yield from (row[field] for field in benchmark.fields)


def _settings(params: RationalystCorpusParams, index: TestIndex, tokenizer: str) -> str:
    """Hash of everything but the files that determines the documents; the number of workers does not."""
    digest = hashlib.sha256(params.model_dump_json(exclude={"sources", "workers", "slurm"}).encode())
    digest.update(tokenizer_file(tokenizer).read_bytes())
    for size, lengths in sorted(index.grams.items()):
        for length, grams in sorted(lengths.items()):
            digest.update(f"{size}-{length}".encode() + grams.tobytes())
    return digest.hexdigest()[:16]


def _begin(work: Path, plan: dict[str, object]) -> None:
    """Write down the plan of this run, or compare it with the plan of the run that it resumes."""
    path = work / PLAN
    if path.is_file():
        earlier = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name in plan if earlier.get(name) != plan[name]]
        if changed:
            raise CorpusError(
                f"{work} has a corpus begun with other {' and '.join(changed)} "
                f"({', '.join(f'{name} {earlier.get(name)}, now {plan[name]}' for name in changed)}); "
                "restore the earlier parameters and inputs, or remove the folder"
            )
    work.mkdir(parents=True, exist_ok=True)
    write_json(path, plan)


def _publish(work: Path, plan: dict[str, object], out: Path) -> None:
    """Write shards, rejects and manifest to a new folder, then rename it."""
    folder = work / "published"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shards = []
    for path in sorted((work / "shards").glob("shard-*.jsonl")):
        shutil.copyfile(path, folder / path.name)
        with path.open("rb") as lines:
            rows = sum(1 for _ in lines)
        shards.append(manifest.Shard(name=path.name, rows=rows, sha256=file_hash(path, "sha256")))
    with (folder / REJECTED).open("wb") as rejected:
        for path in [*sorted((work / "overlapping").glob("*.jsonl")), *sorted((work / "repeated").glob("*.jsonl"))]:
            with path.open("rb") as lines:
                shutil.copyfileobj(lines, rejected)
    inputs, settings = str(plan["inputs"]), str(plan["settings"])
    manifest.write(folder, manifest.Manifest(shards=tuple(shards), inputs=inputs, settings=settings))
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    folder.replace(out)


def _own_counts(counts: executors.Counts) -> executors.Counts:
    """The counts of our steps, without those of datatrove's."""
    return {name: count for name, count in counts.items() if name.partition(".")[0] in COUNTED}
