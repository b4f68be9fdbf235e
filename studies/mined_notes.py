"""How the notes that are mined from real texts compare with what people wrote in the same places.

The pipeline's instruct model mines notes from web text and from solved training questions of GSM8K and ECQA; they are
scored and filtered as in the pipeline. In a solved question the step after a note is a person's explanation. The study
measures how much of that step the note already says (against the step of another document, for chance), and what the
step itself would gain in the note's place: an upper bound for any note, since the step gives everything away.

    export STEPWISE_DATA=/path/to/data
    dvc repro instruct_model
    python -m studies.mined_notes --documents 42

An interrupted run resumes. Figures and examples are written to studies/metrics/mined_notes.json.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import webtext
from stepwise.evaluation import spread
from stepwise.generation import make_backend
from stepwise.generation.base import Backend
from stepwise.methods.rationalyst.filtering import gain, judge_all, summary
from stepwise.methods.rationalyst.mining.mine import mine
from stepwise.methods.rationalyst.mining.prompts import guide
from stepwise.methods.rationalyst.note_likelihoods import score
from stepwise.methods.rationalyst.prefilter.solved_problems import solved_documents
from stepwise.models.loading import load_model, load_tokenizer
from stepwise.params import Params, TaskParams, load
from stepwise.records import Document, JudgedRationale, Rationale, write_json
from stepwise.tasks.answers.numbers import ANSWER_TRIGGER
from stepwise.tasks.registry import get_task
from studies.shared.document_means import mean
from studies.shared.note_causes import CAUSES, cause, share

KINDS = {"webtext": "corpus", "gsm8k": "reasoning", "ecqa": "reasoning"}
"""What is mined, and the prompt that mines it."""
EXAMPLES, FAILURES, SHOWN = 10, 50, 160
"""Examples of each kind, failures in total, and characters of text shown around a note."""


@dataclass(frozen=True)
class MinedNotes:
    """The judged notes of one kind of documents, with the figures of the mining pass."""

    kind: str
    documents: list[Document]
    judged: list[JudgedRationale]
    mining: dict[str, float]

    @property
    def by_id(self) -> dict[str, Document]:
        """The documents by id."""
        return {document.id: document for document in self.documents}

    def causes(self) -> list[tuple[JudgedRationale, str]]:
        """Every rejected note with the cause of its rejection."""
        examples = [example.note for example in guide(KINDS[self.kind]).examples]
        earlier: dict[str, set[str]] = {name: set() for name in self.by_id}
        rejected = []
        for judged in self.judged:
            before = earlier[judged.rationale.document_id]
            if not judged.keep:
                rejected.append((judged, cause(self.by_id[judged.rationale.document_id], judged, examples, before)))
            before.add(judged.rationale.text)
        return rejected


def documents(kind: str, count: int, seed: int) -> list[Document]:
    """`count` documents of a kind; solved questions are built as the stage `rationalyst_prefilter` builds them."""
    if kind == "webtext":
        return webtext.documents(count)
    task = get_task(kind, TaskParams(form="n_cot", train=count), seed=seed)
    return list(solved_documents(task, task.load("train").problems))


def mine_kind(kind: str, count: int, backend: Backend, tokenizer: Any, params: Params, work: Path) -> MinedNotes:
    """The notes of `count` documents of a kind, scored and judged with the pipeline's parameters."""
    texts = documents(kind, count, params.seed)
    journal = work / f"{kind}-notes.jsonl"
    notes, numbers = mine(texts, backend, tokenizer, guide(KINDS[kind]), params.rationalyst_mining, journal=journal)
    scored = score(texts, notes, backend, params.rationalyst_scoring, journal=work / f"{kind}-scores.jsonl")
    return MinedNotes(kind, texts, judge_all(texts, scored, params.rationalyst_filter), numbers)


def figures(mined: MinedNotes) -> dict[str, Any]:
    """Counts by reason and by cause, gains in nats, and examples."""
    gains = [judged.gain for judged in mined.judged]
    kept = [judged for judged in mined.judged if judged.keep]
    rejected = [judged for judged in mined.judged if not judged.keep]
    return {
        "documents": len(mined.documents),
        "characters": sum(len(document.text) for document in mined.documents),
        "mining": mined.mining,
        "filter": summary(mined.judged),
        "gain": mean([(judged.rationale.document_id, judged.gain) for judged in mined.judged]),
        "gain_quantiles": dict(zip(("10", "50", "90"), np.quantile(gains, [0.1, 0.5, 0.9]).tolist(), strict=True)),
        "kept_by_source": _kept_by_source(mined.judged),
        "rejected_by_cause": _count_causes(name for _, name in mined.causes()),
        "examples_kept": [shown(mined, judged) for judged in spread(kept, EXAMPLES)],
        "examples_rejected": [shown(mined, judged) for judged in spread(rejected, EXAMPLES)],
    }


def shown(mined: MinedNotes, judged: JudgedRationale) -> dict[str, Any]:
    """A note with the ends of the texts around it."""
    note = judged.rationale
    text = mined.by_id[note.document_id].text
    return {
        "document": note.document_id,
        "before": text[: note.position][-SHOWN:],
        "note": note.text,
        "following": text[note.position : note.end][:SHOWN],
        "gain": round(judged.gain, 3),
        "reasons": list(judged.reasons),
    }


def against_people(mined: MinedNotes, backend: Backend, params: Params, work: Path) -> dict[str, Any]:
    """Notes compared with the explanation steps that follow them; an answer line is no explanation."""
    texts = mined.by_id
    pairs = [(judged, _following_step(texts, judged.rationale)) for judged in mined.judged]
    pairs = [(judged, step) for judged, step in pairs if step and not step.startswith(ANSWER_TRIGGER.strip())]
    steps = [judged.rationale.model_copy(update={"text": step}) for judged, step in pairs]
    journal = work / f"{mined.kind}-steps.jsonl"
    scored = score(mined.documents, steps, backend, params.rationalyst_scoring, journal=journal)
    discount = params.rationalyst_filter.discount
    names = [step.document_id for step in steps]
    step_gains = [gain(rationale.plain, rationale.aided, discount) for rationale in scored]
    note_gains = [judged.gain for judged, _ in pairs]
    differences = [note - step for note, step in zip(note_gains, step_gains, strict=True)]
    others = _of_other_documents([judged.rationale for judged, _ in pairs], [step for _, step in pairs])
    threshold = params.rationalyst_filter.thresholds.get(mined.kind, params.rationalyst_filter.threshold)
    return {
        "steps": len(pairs),
        "overlap": {
            name: overlap(pairs, others, chosen)
            for name, chosen in (("all", None), ("kept", True), ("rejected", False))
        },
        "gain_of_notes": mean(zip(names, note_gains, strict=True)),
        "gain_of_steps": mean(zip(names, step_gains, strict=True)),
        "notes_minus_steps": mean(zip(names, differences, strict=True)),
        "threshold": threshold,
        "notes_at_threshold": sum(value >= threshold for value in note_gains) / len(note_gains),
        "steps_at_threshold": sum(value >= threshold for value in step_gains) / len(step_gains),
    }


def overlap(pairs: Sequence[tuple[JudgedRationale, str]], others: Sequence[str], kept: bool | None) -> dict[str, Any]:
    """Mean share of a note's content words and numbers that its own step has, and that another document's step has.

    The means are over notes; those with intervals, and their paired difference, are over documents.
    """
    rows = [
        (judged.rationale.document_id, share(judged.rationale.text, step), share(judged.rationale.text, other))
        for (judged, step), other in zip(pairs, others, strict=True)
        if kept is None or judged.keep == kept
    ]
    shares = [(name, own, other) for name, own, other in rows if own is not None and other is not None]
    if not shares:
        return {"notes": len(rows), "own_step": 0.0, "other_step": 0.0}
    return {
        "notes": len(rows),
        "own_step": float(np.mean([own for _, own, _ in shares])),
        "other_step": float(np.mean([other for _, _, other in shares])),
        "own_step_of_documents": mean((name, own) for name, own, _ in shares),
        "other_step_of_documents": mean((name, other) for name, _, other in shares),
        "own_minus_other": mean((name, own - other) for name, own, other in shares),
    }


def failures(solved_kinds: Sequence[MinedNotes], count: int) -> dict[str, Any]:
    """Rejected notes of solved questions, equally many of each kind, sorted by cause."""
    each = -(-count // len(solved_kinds))
    chosen = [
        {"source": mined.kind, "cause": name, **shown(mined, judged)}
        for mined in solved_kinds
        for judged, name in spread(mined.causes(), each)
    ]
    order = list(CAUSES)
    rows = sorted(chosen[:count], key=lambda row: order.index(str(row["cause"])))
    return {"rules": CAUSES, "by_cause": _count_causes(row["cause"] for row in rows), "rows": rows}


def _following_step(texts: dict[str, Document], note: Rationale) -> str:
    return texts[note.document_id].text[note.position : note.end].strip()


def _of_other_documents(notes: Sequence[Rationale], steps: Sequence[str]) -> list[str]:
    """For each note, the step after the first note of the next document (for the last document, of the first one)."""
    firsts: dict[str, str] = {}
    for note, step in zip(notes, steps, strict=True):
        firsts.setdefault(note.document_id, step)
    names = list(firsts)
    after = dict(zip(names, [*names[1:], names[0]], strict=True))
    return [firsts[after[note.document_id]] for note in notes]


def _kept_by_source(judged: Sequence[JudgedRationale]) -> dict[str, str]:
    every = Counter(note.rationale.source for note in judged)
    kept = Counter(note.rationale.source for note in judged if note.keep)
    return {name: f"{kept[name]} of {count}" for name, count in sorted(every.items())}


def _count_causes(names: Any) -> dict[str, int]:
    counts = Counter(names)
    return {name: counts[name] for name in CAUSES if counts[name]}


def main() -> None:
    """Mine each kind of documents, print what the filter kept, and write all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=200, help="of each kind")
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=list(KINDS))
    parser.add_argument("--models", type=Path, default=Path("models/instruct"))
    parser.add_argument("--work", type=Path, default=Path(".work/mined_notes"))
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/mined_notes.json"))
    options = parser.parse_args()
    params = load()
    name = params.rationalyst_mining.model
    folder = options.models / name
    load_instruct: Callable[[], tuple[Any, Any]] = partial(load_model, folder, params.instruct[name].dtype)
    backend, tokenizer = make_backend(params.backend, load=load_instruct), load_tokenizer(folder)
    report: dict[str, Any] = {"model": name, "documents_of_each_kind": options.documents}
    solved_kinds = []
    for kind in options.kinds:
        mined = mine_kind(kind, options.documents, backend, tokenizer, params, options.work)
        report[kind] = figures(mined)
        if kind != "webtext":
            report[kind]["against_people"] = against_people(mined, backend, params, options.work)
            solved_kinds.append(mined)
        print(f"{kind}: {summary(mined.judged)}", flush=True)
        if solved_kinds:
            report["failures"] = failures(solved_kinds, FAILURES)
        write_json(options.out, report)


if __name__ == "__main__":
    main()
