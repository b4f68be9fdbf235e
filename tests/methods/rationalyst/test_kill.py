"""RATIONALYST's stages as processes, on a few rows and the smallest model, killed with SIGKILL and run again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from stepwise.methods.rationalyst.corpus import manifest
from stepwise.methods.rationalyst.prefilter.solved_problems import solved_documents
from stepwise.params import TaskParams
from stepwise.records import (
    Document,
    DocumentScore,
    JudgedRationale,
    Problem,
    Rationale,
    ScoredRationale,
    write_jsonl,
)
from stepwise.tasks.registry import get_task
from tests.kills import Stage, leaves_old_or_new_outputs, survives_a_kill_in_a_pass, survives_kills_in_training
from tests.workspaces import make_workspace, start

NAME = "word_problems_text"
TASK = get_task(NAME, TaskParams(form="n_cot", train=24, dev=2, test=6), seed=1)
PARAMS = [
    "rationalyst_embedding.window=1",
    "backend.batch_tokens=1000",
    "rationalyst_runs.tiny.epochs=4",
    "rationalyst_training.dev_share=0.25",
    "rationalyst_training.fine_tuning.saves=9",
    "rationalyst_training.fine_tuning.evaluations=3",
]
"""Enough windows, batches and checkpoints to kill a stage between them."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the rows that the stages read."""
    folder = make_workspace(tmp_path_factory.mktemp("workspace"), PARAMS)
    problems = TASK.load("train").problems
    write_jsonl(folder / "tasks" / NAME / "train.jsonl", problems)
    write_jsonl(folder / "tasks" / NAME / "test.jsonl", TASK.load("test").problems)
    make_corpus(folder, problems)
    make_notes(folder, list(solved_documents(TASK, problems)))
    return folder


def make_corpus(folder: Path, problems: list[Problem]) -> None:
    """Two shards of long documents, with their scores."""
    texts = [" ".join(problem.question for problem in problems[start:] + problems[:start]) * 8 for start in range(24)]
    documents = [Document(id=f"d{number}", source="s", text=text) for number, text in enumerate(texts * 3)]
    documents = [
        document.model_copy(update={"id": f"{document.id}-{number}"}) for number, document in enumerate(documents)
    ]
    half = len(documents) // 2
    for rank, part in enumerate((documents[:half], documents[half:])):
        write_jsonl(folder / "corpus" / f"shard-{rank}.jsonl", part)
    shards = tuple(manifest.Shard(name=f"shard-{rank}.jsonl", rows=half, sha256="") for rank in range(2))
    manifest.write(folder / "corpus", manifest.Manifest(shards=shards, inputs="", settings=""))
    scores = [DocumentScore(document_id=document.id, source="s", score=0.5) for document in documents]
    write_jsonl(folder / "scores.jsonl", scores)


def make_notes(folder: Path, documents: list[Document]) -> None:
    """One scored and judged note per document, before its solution."""
    for source, part in (("corpus", documents[:12]), ("reasoning", documents[12:])):
        notes = [
            Rationale(
                document_id=document.id, source="s", position=document.start, end=len(document.text),
                text=f"So {document.id}.",
            )
            for document in part
        ]  # fmt: skip
        write_jsonl(folder / "documents" / f"{source}.jsonl", part)
        scored = [ScoredRationale(rationale=note, plain=(-2.0, -1.0), aided=(-1.0, -1.0)) for note in notes]
        write_jsonl(folder / "scored" / f"{source}.jsonl", scored)
        judged = [JudgedRationale(rationale=note, gain=1.0, keep=True) for note in notes]
        write_jsonl(folder / "judged" / f"{source}.jsonl", judged)


def stage(workspace: Path, name: str, arguments: str, outs: str) -> Stage:
    """A stage with its inputs (`arguments`, a command line) and the names of its outputs, in a folder of the stage."""
    paths = {key: Path(name) / key for key in outs.split()}
    shutil.rmtree(workspace / name, ignore_errors=True)
    options = [word for key, path in paths.items() for word in (f"--{key}", str(path))]
    command = [f"stages/{name}.py", *arguments.split(), *options]
    return Stage(
        lambda: start(workspace, *command), workspace / ".work" / name, [workspace / path for path in paths.values()]
    )


@pytest.mark.slow
def test_embedding(workspace: Path, tmp_path: Path) -> None:
    embed = stage(workspace, "rationalyst_embed", "--documents corpus --problems tasks", "out metrics")
    survives_a_kill_in_a_pass(embed, "*/embedding/journals/*.jsonl", tmp_path)


@pytest.mark.slow
def test_training(workspace: Path) -> None:
    arguments = f"--name tiny --task {NAME} --documents documents --judged judged --base checkpoints/tiny"
    survives_kills_in_training(stage(workspace, "rationalyst_train", arguments, "out metrics plot"))


@pytest.mark.slow
def test_evaluation(workspace: Path, tmp_path: Path) -> None:
    models = " ".join(f"--{role} checkpoints/tiny" for role in ("rationalyst", "agent", "scorer", "verifier"))
    arguments = f"--group rationalyst_runs --name tiny --task {NAME} --data tasks/{NAME} {models}"
    evaluate = stage(workspace, "rationalyst_evaluate", arguments, "out metrics plot")
    survives_a_kill_in_a_pass(evaluate, "*/journal/*/*.jsonl", tmp_path)


MODULES = ("stepwise.tasks", "stepwise.methods.rationalyst.prefilter", "stepwise.methods.rationalyst.filtering")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("rationalyst_prefilter", "--documents corpus --scores scores.jsonl --problems tasks"),
        ("rationalyst_filter", "--source corpus --documents documents/corpus.jsonl --scored scored/corpus.jsonl"),
    ],
)
def test_stages_without_a_model_leave_old_or_new_outputs(workspace: Path, name: str, arguments: str) -> None:
    """Killed before every change to the disk: each output is the old one or the new one; a folder may be missing."""
    prepared = stage(workspace, name, arguments, "out metrics")
    command = [f"stages/{name}.py", *arguments.split(), "--out", f"{name}/out", "--metrics", f"{name}/metrics"]
    leaves_old_or_new_outputs(prepared, lambda *dying, **pipes: start(workspace, *dying, *command, **pipes), MODULES)
