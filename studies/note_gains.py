"""How much the notes of a trained RATIONALYST help on documents that it was not trained on.

Each place of a document gets three notes: one by RATIONALYST, one by the same model before training, and one that
RATIONALYST wrote for another document. Two models score how much likelier each note makes what follows (the filter's
gain, without a threshold): one that had no part in choosing the training notes and, for comparison, the filter's own.
The documents are test problems with their reference solutions and, if STEPWISE_DATA is set, web text.

    dvc repro rationalyst_train
    python -m studies.note_gains --runs tiny smollm2 --problems 40 --documents 21

An empty note gains 0 by definition and is counted. Differences are paired by place and averaged over documents. An
interrupted run resumes. Figures and a few notes are written to studies/metrics/note_gains.json.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import webtext
from stepwise.evaluation import spread
from stepwise.generation import make_backend
from stepwise.generation.base import Backend
from stepwise.methods.rationalyst.filtering import gain
from stepwise.methods.rationalyst.inference.note_writer import NoteWriter
from stepwise.methods.rationalyst.mining.mine import Place, places
from stepwise.methods.rationalyst.note_likelihoods import score
from stepwise.methods.rationalyst.prefilter.solved_problems import solved_documents
from stepwise.methods.rationalyst.rendering import clean
from stepwise.models.loading import Dtype, load_model, load_tokenizer
from stepwise.params import Params, load
from stepwise.params.rationalyst import RationalystRun
from stepwise.records import Document, Problem, Rationale, read_jsonl, write_json
from stepwise.tasks.registry import get_task
from studies.shared.document_means import mean

WRITERS = ("trained", "untrained", "elsewhere")
EXAMPLES = 5
Spot = tuple[Document, Place]


def documents(run: RationalystRun, params: Params, options: argparse.Namespace) -> dict[str, list[Document]]:
    """Test problems of the run's task with their solutions, and web text if STEPWISE_DATA is set."""
    task = get_task(run.task, params.task[run.task], seed=params.seed)
    problems = read_jsonl(options.data / run.task / "test.jsonl", Problem)
    texts = {run.task: list(solved_documents(task, spread(problems, options.problems)))}
    if os.environ.get("STEPWISE_DATA"):
        texts["webtext"] = webtext.documents(options.documents)
    return texts


def backend_of(folder: Path, dtype: Dtype, params: Params) -> Backend:
    """A backend for the model in a folder."""
    return make_backend(params.backend, load=partial(load_model, folder, dtype))


def write_notes(spots: Sequence[Spot], folder: Path, run: RationalystRun, params: Params, journal: Path) -> list[str]:
    """A model's notes at all spots, with RATIONALYST's prompt."""
    backend = backend_of(folder, run.dtype, params)
    tokens = params.rationalyst_supervision.note_tokens
    writer = NoteWriter(backend, load_tokenizer(folder), max_length=run.max_length, note_tokens=tokens)
    prompts = [writer.prompt(document.text[: at.position]) for document, at in spots]
    return [clean(completion.text) for (completion,) in backend.generate(prompts, writer.sampling, journal=journal)]


def notes_of_next_document(spots: Sequence[Spot], notes: Sequence[str]) -> list[str]:
    """For each spot the note that the next document has at its place of the same number, or else at its last place."""
    rows: dict[str, list[str]] = {}
    numbers = []
    for (document, _), note in zip(spots, notes, strict=True):
        row = rows.setdefault(document.id, [])
        numbers.append(len(row))
        row.append(note)
    names = list(rows)
    after = dict(zip(names, [*names[1:], names[0]], strict=True))
    swapped = []
    for (document, _), number in zip(spots, numbers, strict=True):
        others = rows[after[document.id]]
        swapped.append(others[min(number, len(others) - 1)])
    return swapped


def gains(
    spots: Sequence[Spot], notes: dict[str, list[str]], scorer: Backend, params: Params, journal: Path
) -> tuple[dict[str, list[float]], float]:
    """Each writer's gain at every spot, in nats, and the scorer's mean log-probability of a token without a note."""
    rows = [
        (name, number, _rationale(spot, notes[name][number])) for number, spot in enumerate(spots) for name in WRITERS
    ]
    rows = [row for row in rows if row[2].text]
    texts = list({document.id: document for document, _ in spots}.values())
    scored = score(texts, [row[2] for row in rows], scorer, params.rationalyst_scoring, journal=journal)
    gains_of = {name: [0.0] * len(spots) for name in WRITERS}
    for (name, number, _), rationale in zip(rows, scored, strict=True):
        gains_of[name][number] = gain(rationale.plain, rationale.aided, params.rationalyst_filter.discount)
    plain = [token for rationale in scored for token in rationale.plain]
    return gains_of, sum(plain) / len(plain)


def describe(spots: Sequence[Spot], gains_of: dict[str, list[float]]) -> dict[str, Any]:
    """Mean gains, the share of notes that help, and the paired differences."""
    names = [document.id for document, _ in spots]
    report: dict[str, Any] = {"gain": {name: mean(zip(names, gains_of[name], strict=True)) for name in WRITERS}}
    report["helps"] = {name: sum(value > 0 for value in gains_of[name]) / len(spots) for name in WRITERS}
    for name in WRITERS[1:]:
        differences = [own - other for own, other in zip(gains_of["trained"], gains_of[name], strict=True)]
        report[f"trained_minus_{name}"] = mean(zip(names, differences, strict=True))
    return report


def examine_run(name: str, params: Params, options: argparse.Namespace) -> dict[str, Any]:
    """The notes of one run's RATIONALYST on every kind of documents, by both scorers."""
    run = params.rationalyst_runs[name]
    filters = params.rationalyst_scoring.model
    instruct = options.models / "instruct" / filters
    scorers: dict[str, tuple[Path, Dtype]] = {
        "other": (options.scorer or options.models / f"warm_up/{run.task}-tiny", "float32"),
        "filter's": (instruct, params.instruct[filters].dtype),
    }
    report: dict[str, Any] = {}
    for kind, texts in documents(run, params, options).items():
        work = options.work / name / kind
        spots = [(document, at) for document in texts for at in places(document, params.rationalyst_mining)]
        own = write_notes(spots, options.models / "rationalyst" / name, run, params, work / "trained.jsonl")
        base = options.models / Path(run.base).relative_to("models")
        plain = write_notes(spots, base, run, params, work / "untrained.jsonl")
        notes = {"trained": own, "untrained": plain, "elsewhere": notes_of_next_document(spots, own)}
        counts = {"documents": len(texts), "places": len(spots)}
        empty = {writer: sum(not note for note in several) for writer, several in notes.items()}
        result: dict[str, Any] = {**counts, "empty": empty, "distinct": {w: len(set(n)) for w, n in notes.items()}}
        for role, (folder, dtype) in scorers.items():
            scorer = backend_of(folder, dtype, params)
            each, level = gains(spots, notes, scorer, params, work / f"{folder.name}.jsonl")
            result[role] = {"scorer": folder.name, "logprob_without_note": level, **describe(spots, each)}
        result["examples"] = _examples(spots, notes)
        report[kind] = result
        print(f"{name}, {kind}: {result['other']}", flush=True)
    return report


def _rationale(spot: Spot, note: str) -> Rationale:
    document, at = spot
    return Rationale(document_id=document.id, source=document.source, position=at.position, end=at.end, text=note)


def _examples(spots: Sequence[Spot], notes: dict[str, list[str]]) -> list[dict[str, str]]:
    return [
        {
            "before": document.text[: at.position][-160:],
            "following": document.text[at.position : at.end][:160],
            **{name: notes[name][number] for name in WRITERS},
        }
        for number, (document, at) in spread(list(enumerate(spots)), EXAMPLES)
    ]


def main() -> None:
    """Examine the runs and write the figures after each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", nargs="+", default=["tiny", "smollm2"], help="of params.yaml's rationalyst_runs")
    parser.add_argument("--problems", type=int, default=100, help="test problems")
    parser.add_argument("--documents", type=int, default=42, help="of web text")
    parser.add_argument("--models", type=Path, default=Path("models"))
    parser.add_argument("--data", type=Path, default=Path("data/tasks"))
    parser.add_argument("--scorer", type=Path, help="folder of a model that is not the filter's")
    parser.add_argument("--work", type=Path, default=Path(".work/note_gains"))
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/note_gains.json"))
    options = parser.parse_args()
    params = load()
    report = {}
    for name in options.runs:
        report[name] = examine_run(name, params, options)
        write_json(options.out, report)


if __name__ == "__main__":
    main()
