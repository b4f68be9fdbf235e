"""The likelihood of the text after each note, with the note and without it (chapter: RATIONALYST)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise.generation import make_backend
from stepwise.methods.rationalyst.note_likelihoods import score
from stepwise.models.loading import load_model
from stepwise.records import Document, Rationale, read_jsonl, write_jsonl
from stepwise.stage import Run, stage


@stage(params=("instruct", "backend", "rationalyst_scoring"))
def main(run: Run, *, documents: Path, mined: Path, model: Path, out: Path) -> None:
    """Score the tokens that follow each note twice, on one forward pass over its document."""
    backend = make_backend(run.params.backend, load=partial(load_model, model, run.params.instruct[model.name].dtype))
    texts, notes = read_jsonl(documents, Document), read_jsonl(mined, Rationale)
    scored = score(texts, notes, backend, run.params.rationalyst_scoring, journal=run.work / "journal" / "scores.jsonl")
    run.log(scored=float(write_jsonl(run.work / "scored.jsonl", scored)))
    run.publish(run.work / "scored.jsonl", out)


if __name__ == "__main__":
    main()
