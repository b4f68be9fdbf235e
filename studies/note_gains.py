"""What trained RATIONALYSTs' notes are worth on documents that they were not trained on, once.

At the places of each document three notes are written: by RATIONALYST, by the same model before its training, and by
RATIONALYST for another document. How much likelier each makes what follows (the filter's gain, no threshold) is said by
a model that had no part in choosing the notes of the training, and, for comparison, by the filter's own. Documents are
test problems with their reference solutions and, where STEPWISE_DATA is set, web text.

    dvc repro rationalyst_train
    python -m studies.note_gains --runs tiny smollm2 --problems 40 --documents 21

A call that was stopped goes on. An empty note gains nothing by definition and is counted. Differences are paired by
place and averaged over documents. Figures and some notes come to studies/metrics/note_gains.json.
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
from stepwise.methods.rationalyst.prefilter.solved_problems import solved
from stepwise.methods.rationalyst.rendering import clean
from stepwise.models.loading import Dtype, load_model, load_tokenizer
from stepwise.params import Params, load
from stepwise.params.rationalyst import RationalystRun
from stepwise.records import Document, Problem, Rationale, read_jsonl, write_json
from stepwise.tasks.registry import get_task
from studies.by_document import mean

WRITERS = ("trained", "untrained", "elsewhere")
EXAMPLES = 5
Spot = tuple[Document, Place]


def documents(run: RationalystRun, params: Params, options: argparse.Namespace) -> dict[str, list[Document]]:
    """Test problems of the run's task with their solutions, and web text if it is there."""
    task = get_task(run.task, params.task[run.task], seed=params.seed)
    problems = read_jsonl(options.data / run.task / "test.jsonl", Problem)
    found = {run.task: list(solved(task, spread(problems, options.problems)))}
    if os.environ.get("STEPWISE_DATA"):
        found["webtext"] = webtext.documents(options.documents)
    return found


def backend_of(folder: Path, dtype: Dtype, params: Params) -> Backend:
    """The model of a folder."""
    return make_backend(params.backend, load=partial(load_model, folder, dtype))


def written(spots: Sequence[Spot], folder: Path, run: RationalystRun, params: Params, journal: Path) -> list[str]:
    """A model's notes at all spots, asked as RATIONALYST is."""
    backend = backend_of(folder, run.dtype, params)
    tokens = params.rationalyst_supervision.note_tokens
    writer = NoteWriter(backend, load_tokenizer(folder), max_length=run.max_length, note_tokens=tokens)
    prompts = [writer.prompt(document.text[: at.position]) for document, at in spots]
    return [clean(one.text) for (one,) in backend.generate(prompts, writer.sampling, journal=journal)]


def moved(spots: Sequence[Spot], notes: Sequence[str]) -> list[str]:
    """At each spot the note of the next document: that of its place of the same number, or of its last."""
    rows: dict[str, list[str]] = {}
    numbers = []
    for (document, _), note in zip(spots, notes, strict=True):
        row = rows.setdefault(document.id, [])
        numbers.append(len(row))
        row.append(note)
    names = list(rows)
    after = dict(zip(names, [*names[1:], names[0]], strict=True))
    found = []
    for (document, _), number in zip(spots, numbers, strict=True):
        others = rows[after[document.id]]
        found.append(others[min(number, len(others) - 1)])
    return found


def gains(
    spots: Sequence[Spot], notes: dict[str, list[str]], scorer: Backend, params: Params, journal: Path
) -> tuple[dict[str, list[float]], float]:
    """Each writer's gain at every spot in nats, and the scorer's mean log-probability of a token without any note."""
    asked = [
        (name, number, _rationale(spot, notes[name][number])) for number, spot in enumerate(spots) for name in WRITERS
    ]
    asked = [row for row in asked if row[2].text]
    texts = list({document.id: document for document, _ in spots}.values())
    scored = score(texts, [row[2] for row in asked], scorer, params.rationalyst_scoring, journal=journal)
    found = {name: [0.0] * len(spots) for name in WRITERS}
    for (name, number, _), one in zip(asked, scored, strict=True):
        found[name][number] = gain(one.plain, one.aided, params.rationalyst_filter.discount)
    plain = [token for one in scored for token in one.plain]
    return found, sum(plain) / len(plain)


def described(spots: Sequence[Spot], found: dict[str, list[float]]) -> dict[str, Any]:
    """Mean gains, shares of notes that help, and the paired differences."""
    names = [document.id for document, _ in spots]
    report: dict[str, Any] = {"gain": {name: mean(zip(names, found[name], strict=True)) for name in WRITERS}}
    report["helps"] = {name: sum(one > 0 for one in found[name]) / len(spots) for name in WRITERS}
    for name in WRITERS[1:]:
        apart = [own - other for own, other in zip(found["trained"], found[name], strict=True)]
        report[f"trained_minus_{name}"] = mean(zip(names, apart, strict=True))
    return report


def examined(name: str, params: Params, options: argparse.Namespace) -> dict[str, Any]:
    """One run's RATIONALYST on every kind of documents, by both scorers."""
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
        spots = [(one, at) for one in texts for at in places(one, params.rationalyst_mining)]
        own = written(spots, options.models / "rationalyst" / name, run, params, work / "trained.jsonl")
        base = options.models / Path(run.base).relative_to("models")
        plain = written(spots, base, run, params, work / "untrained.jsonl")
        notes = {"trained": own, "untrained": plain, "elsewhere": moved(spots, own)}
        counts = {"documents": len(texts), "places": len(spots)}
        empty = {writer: sum(not one for one in several) for writer, several in notes.items()}
        found: dict[str, Any] = {**counts, "empty": empty, "distinct": {w: len(set(n)) for w, n in notes.items()}}
        for role, (folder, dtype) in scorers.items():
            scorer = backend_of(folder, dtype, params)
            each, level = gains(spots, notes, scorer, params, work / f"{folder.name}.jsonl")
            found[role] = {"scorer": folder.name, "logprob_without_note": level, **described(spots, each)}
        found["examples"] = _examples(spots, notes)
        report[kind] = found
        print(f"{name}, {kind}: {found['other']}", flush=True)
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
    """Examine the runs and write what was found."""
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
        report[name] = examined(name, params, options)
        write_json(options.out, report)


if __name__ == "__main__":
    main()
