from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from stepwise.methods.rationalyst.corpus import manifest
from stepwise.methods.rationalyst.corpus.errors import CorpusError
from stepwise.methods.rationalyst.prefilter.solved_problems import solved_documents, solved_problems
from stepwise.methods.rationalyst.prefilter.threshold import Prefilter
from stepwise.params import ParamsError, TaskParams
from stepwise.params.rationalyst import RationalystPrefilterParams
from stepwise.records import Document, DocumentScore, write_jsonl
from stepwise.tasks.registry import get_task

SCORES = [0.5, 0.1, 0.3, 0.3, 0.9]
PARAMS = TaskParams(form="n_cot", train=6, dev=2, test=2)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    documents = [Document(id=f"d{n}", source="even" if n % 2 == 0 else "odd", text=str(n)) for n in range(5)]
    write_jsonl(tmp_path / "documents" / "shard-00000.jsonl", documents[:2])
    write_jsonl(tmp_path / "documents" / "shard-00001.jsonl", documents[2:])
    shards = [manifest.Shard(name=f"shard-0000{n}.jsonl", rows=rows, sha256="") for n, rows in enumerate((2, 3))]
    manifest.write(tmp_path / "documents", manifest.Manifest(shards=tuple(shards), inputs="i", settings="s"))
    write_scores(tmp_path, documents)
    return tmp_path


def write_scores(folder: Path, documents: Sequence[Document]) -> None:
    scores = [
        DocumentScore(document_id=document.id, source=document.source, score=score)
        for document, score in zip(documents, SCORES, strict=True)
    ]
    write_jsonl(folder / "scores.jsonl", scores)


@pytest.mark.parametrize(
    ("threshold", "documents", "kept"),
    [
        (0.3, 0, ["d0", "d2", "d3", "d4"]),
        (0.31, 0, ["d0", "d4"]),
        (0.0, 2, ["d0", "d4"]),
        (0.0, 3, ["d0", "d2", "d4"]),
        (0.6, 3, ["d4"]),
        (-1.0, 99, ["d0", "d1", "d2", "d3", "d4"]),
    ],
)
def test_the_best_above_the_threshold_in_the_corpus_order(
    folder: Path, threshold: float, documents: int, kept: list[str]
) -> None:
    params = RationalystPrefilterParams(threshold=threshold, documents=documents)
    prefilter = Prefilter(params, folder / "documents", folder / "scores.jsonl")
    assert [document.id for document in prefilter.documents()] == kept


def test_counts_are_by_source(folder: Path) -> None:
    prefilter = Prefilter(RationalystPrefilterParams(threshold=0.4), folder / "documents", folder / "scores.jsonl")
    list(prefilter.documents())
    assert prefilter.counts() == {
        "read": 5, "kept": 2, "share": 0.4,
        "kept.even": 2, "share.even": 0.6667, "kept.odd": 0, "share.odd": 0.0,
    }  # fmt: skip


def test_nothing_above_the_threshold_is_one_clear_error(folder: Path) -> None:
    prefilter = Prefilter(RationalystPrefilterParams(threshold=0.95), folder / "documents", folder / "scores.jsonl")
    with pytest.raises(CorpusError, match=r"the best score is 0\.900; lower rationalyst_prefilter\.threshold"):
        list(prefilter.documents())


def test_scores_of_other_documents_are_refused(folder: Path) -> None:
    write_scores(folder, [Document(id=f"x{n}", source="s", text="") for n in range(5)])
    prefilter = Prefilter(RationalystPrefilterParams(threshold=0.0), folder / "documents", folder / "scores.jsonl")
    with pytest.raises(CorpusError, match=r"has no score of d0 .*run the stage rationalyst_embed again"):
        list(prefilter.documents())


def test_a_solved_problem_begins_where_its_solution_does() -> None:
    task = get_task("word_problems", PARAMS, seed=1)
    problems = task.load("train").problems
    documents = list(solved_documents(task, problems))
    assert [document.id for document in documents] == [problem.id for problem in problems]
    for document, problem in zip(documents, problems, strict=True):
        assert problem.reference is not None
        assert document.text[document.start :] == problem.reference.text
        assert document.text[: document.start] == "".join(task.prompt(problem))
        assert (document.source, document.answer) == ("word_problems", problem.answer)


def test_a_problem_without_a_reference_is_left_out() -> None:
    task = get_task("word_problems", PARAMS, seed=1)
    problems = [problem.model_copy(update={"reference": None}) for problem in task.load("train").problems]
    assert list(solved_documents(task, problems)) == []


def test_a_task_that_is_not_of_this_run_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"rationalyst_tasks names gsm8k, which is not a task of this run"):
        solved_problems(["gsm8k"], {"word_problems": PARAMS}, tmp_path, seed=1)


def test_the_prefilter_needs_no_torch() -> None:
    code = (
        "import sys, stepwise.methods.rationalyst.prefilter.threshold\n"
        "import stepwise.methods.rationalyst.prefilter.solved_problems\n"
        "print([name for name in ('torch', 'transformers', 'datatrove') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
