"""How likely what follows each note is, with it and without (chapter: RATIONALYST)."""

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
    """Score the tokens that follow each note twice, on one reading of its document."""
    backend = make_backend(run.params.backend, load=partial(load_model, model, run.params.instruct[model.name].dtype))
    texts, notes = read_jsonl(documents, Document), read_jsonl(mined, Rationale)
    scored = score(texts, notes, backend, run.params.rationalyst_scoring, journal=run.work / "journal" / "scores.jsonl")
    made = run.work / "scored.jsonl"
    run.log(scored=float(write_jsonl(made, scored)))
    run.publish(made, out)


if __name__ == "__main__":
    main()
