"""Notes mined from real texts, filtered, and compared with what people wrote there, once.

The instruct model of the pipeline reads web text, and solved training questions of GSM8K and ECQA; scores and filter
are the pipeline's. In a solved question the step that follows a note is a person's explanation: what the note shares
with it (against another document's step, for chance), and the gain that the step itself would have in the note's place
- the most that any note could have, since it tells all.

    export STEPWISE_DATA=...
    dvc repro instruct_model
    python -m studies.mined_notes --documents 42

A call that was stopped goes on. Figures and examples come to studies/metrics/mined_notes.json.
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
from stepwise.methods.rationalyst.prefilter.solved_problems import solved
from stepwise.models.loading import load_model, load_tokenizer
from stepwise.params import Params, TaskParams, load
from stepwise.records import Document, JudgedRationale, Rationale, write_json
from stepwise.tasks.answers.numbers import ANSWER_TRIGGER
from stepwise.tasks.registry import get_task
from studies.by_document import mean
from studies.note_causes import CAUSES, cause, share

KINDS = {"webtext": "corpus", "gsm8k": "reasoning", "ecqa": "reasoning"}
"""What is mined, and by which prompt."""
EXAMPLES, FAILURES, SHOWN = 10, 50, 160
"""Examples of each kind, failures in all, and characters of the text around a note."""


@dataclass(frozen=True)
class Mined:
    """The judged notes of one kind of documents, with the figures of the pass."""

    kind: str
    documents: list[Document]
    judged: list[JudgedRationale]
    mining: dict[str, float]

    @property
    def by_id(self) -> dict[str, Document]:
        """The documents by their names."""
        return {one.id: one for one in self.documents}

    def causes(self) -> list[tuple[JudgedRationale, str]]:
        """Every rejected note with its cause."""
        examples = [one.note for one in guide(KINDS[self.kind]).examples]
        earlier: dict[str, set[str]] = {name: set() for name in self.by_id}
        found = []
        for one in self.judged:
            before = earlier[one.rationale.document_id]
            if not one.keep:
                found.append((one, cause(self.by_id[one.rationale.document_id], one, examples, before)))
            before.add(one.rationale.text)
        return found


def documents(kind: str, count: int, seed: int) -> list[Document]:
    """So many documents of a kind; solved questions as the stage rationalyst_prefilter makes them."""
    if kind == "webtext":
        return webtext.documents(count)
    task = get_task(kind, TaskParams(form="n_cot", train=count), seed=seed)
    return list(solved(task, task.load("train").problems))


def mined(kind: str, count: int, backend: Backend, tokenizer: Any, params: Params, work: Path) -> Mined:
    """Notes of so many documents of a kind, scored and judged with the pipeline's parameters."""
    texts = documents(kind, count, params.seed)
    journal = work / f"{kind}-notes.jsonl"
    notes, numbers = mine(texts, backend, tokenizer, guide(KINDS[kind]), params.rationalyst_mining, journal=journal)
    scored = score(texts, notes, backend, params.rationalyst_scoring, journal=work / f"{kind}-scores.jsonl")
    return Mined(kind, texts, judge_all(texts, scored, params.rationalyst_filter), numbers)


def figures(found: Mined) -> dict[str, Any]:
    """Counts by reason and by cause, gains in nats, and examples."""
    gains = [one.gain for one in found.judged]
    kept = [one for one in found.judged if one.keep]
    rejected = [one for one in found.judged if not one.keep]
    return {
        "documents": len(found.documents),
        "characters": sum(len(one.text) for one in found.documents),
        "mining": found.mining,
        "filter": summary(found.judged),
        "gain": mean([(one.rationale.document_id, one.gain) for one in found.judged]),
        "gain_quantiles": dict(zip(("10", "50", "90"), np.quantile(gains, [0.1, 0.5, 0.9]).tolist(), strict=True)),
        "kept_by_source": _kept_by_source(found.judged),
        "rejected_by_cause": _counted(name for _, name in found.causes()),
        "examples_kept": [shown(found, one) for one in spread(kept, EXAMPLES)],
        "examples_rejected": [shown(found, one) for one in spread(rejected, EXAMPLES)],
    }


def shown(found: Mined, one: JudgedRationale) -> dict[str, Any]:
    """A note with the ends of the texts around it."""
    note = one.rationale
    text = found.by_id[note.document_id].text
    return {
        "document": note.document_id,
        "before": text[: note.position][-SHOWN:],
        "note": note.text,
        "following": text[note.position : note.end][:SHOWN],
        "gain": round(one.gain, 3),
        "reasons": list(one.reasons),
    }


def against_people(found: Mined, backend: Backend, params: Params, work: Path) -> dict[str, Any]:
    """Notes against the explanation steps that follow them; answer lines are no explanation."""
    texts = found.by_id
    pairs = [(one, _step(texts, one.rationale)) for one in found.judged]
    pairs = [(one, step) for one, step in pairs if step and not step.startswith(ANSWER_TRIGGER.strip())]
    steps = [one.rationale.model_copy(update={"text": step}) for one, step in pairs]
    journal = work / f"{found.kind}-steps.jsonl"
    scored = score(found.documents, steps, backend, params.rationalyst_scoring, journal=journal)
    discount = params.rationalyst_filter.discount
    names = [step.document_id for step in steps]
    theirs = [gain(one.plain, one.aided, discount) for one in scored]
    ours = [one.gain for one, _ in pairs]
    apart = [a - b for a, b in zip(ours, theirs, strict=True)]
    others = _of_other_documents([one.rationale for one, _ in pairs], [step for _, step in pairs])
    threshold = params.rationalyst_filter.thresholds.get(found.kind, params.rationalyst_filter.threshold)
    return {
        "steps": len(pairs),
        "overlap": {
            name: overlap(pairs, others, chosen)
            for name, chosen in (("all", None), ("kept", True), ("rejected", False))
        },
        "gain_of_notes": mean(zip(names, ours, strict=True)),
        "gain_of_steps": mean(zip(names, theirs, strict=True)),
        "notes_minus_steps": mean(zip(names, apart, strict=True)),
        "threshold": threshold,
        "notes_at_threshold": sum(one >= threshold for one in ours) / len(ours),
        "steps_at_threshold": sum(one >= threshold for one in theirs) / len(theirs),
    }


def overlap(pairs: Sequence[tuple[JudgedRationale, str]], others: Sequence[str], kept: bool | None) -> dict[str, Any]:
    """Mean shares of a note's content words and numbers that are in its step, and in another document's.

    Over notes, and with intervals over documents, their paired difference too.
    """
    rows = [
        (one.rationale.document_id, share(one.rationale.text, step), share(one.rationale.text, other))
        for (one, step), other in zip(pairs, others, strict=True)
        if kept is None or one.keep == kept
    ]
    said = [(name, own, other) for name, own, other in rows if own is not None and other is not None]
    if not said:
        return {"notes": len(rows), "own_step": 0.0, "other_step": 0.0}
    return {
        "notes": len(rows),
        "own_step": float(np.mean([own for _, own, _ in said])),
        "other_step": float(np.mean([other for _, _, other in said])),
        "own_step_of_documents": mean((name, own) for name, own, _ in said),
        "other_step_of_documents": mean((name, other) for name, _, other in said),
        "own_minus_other": mean((name, own - other) for name, own, other in said),
    }


def failures(several: Sequence[Mined], count: int) -> dict[str, Any]:
    """Rejected notes of solved questions, as many of each kind, sorted by cause."""
    each = -(-count // len(several))
    chosen = [
        {"source": found.kind, "cause": name, **shown(found, one)}
        for found in several
        for one, name in spread(found.causes(), each)
    ]
    order = list(CAUSES)
    rows = sorted(chosen[:count], key=lambda row: order.index(str(row["cause"])))
    return {"rules": CAUSES, "by_cause": _counted(row["cause"] for row in rows), "rows": rows}


def _step(texts: dict[str, Document], note: Rationale) -> str:
    return texts[note.document_id].text[note.position : note.end].strip()


def _of_other_documents(notes: Sequence[Rationale], steps: Sequence[str]) -> list[str]:
    """For each note the step of the next document's first note (of the first document's, for the last)."""
    firsts: dict[str, str] = {}
    for note, step in zip(notes, steps, strict=True):
        firsts.setdefault(note.document_id, step)
    names = list(firsts)
    after = dict(zip(names, [*names[1:], names[0]], strict=True))
    return [firsts[after[note.document_id]] for note in notes]


def _kept_by_source(judged: Sequence[JudgedRationale]) -> dict[str, str]:
    every = Counter(one.rationale.source for one in judged)
    kept = Counter(one.rationale.source for one in judged if one.keep)
    return {name: f"{kept[name]} of {count}" for name, count in sorted(every.items())}


def _counted(names: Any) -> dict[str, int]:
    counts = Counter(names)
    return {name: counts[name] for name in CAUSES if counts[name]}


def main() -> None:
    """Mine every kind, say what was found, and write all of it."""
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
    read: Callable[[], tuple[Any, Any]] = partial(load_model, folder, params.instruct[name].dtype)
    backend, tokenizer = make_backend(params.backend, load=read), load_tokenizer(folder)
    report: dict[str, Any] = {"model": name, "documents_of_each_kind": options.documents}
    several = []
    for kind in options.kinds:
        found = mined(kind, options.documents, backend, tokenizer, params, options.work)
        report[kind] = figures(found)
        if kind != "webtext":
            report[kind]["against_people"] = against_people(found, backend, params, options.work)
            several.append(found)
        print(f"{kind}: {summary(found.judged)}", flush=True)
        if several:
            report["failures"] = failures(several, FAILURES)
        write_json(options.out, report)


if __name__ == "__main__":
    main()
