"""Notes between the sentences of documents, written by an instruct model (chapter: RATIONALYST)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from stepwise.generation import make_backend
from stepwise.methods.rationalyst.mining.mine import mine
from stepwise.methods.rationalyst.mining.prompts import guide
from stepwise.models.loading import load_model, load_tokenizer
from stepwise.records import Document, read_jsonl, write_json, write_jsonl
from stepwise.stage import Run, stage


@stage(params=("instruct", "backend", "rationalyst_mining"))
def main(run: Run, *, source: str, documents: Path, model: Path, out: Path, metrics: Path) -> None:
    """Generate notes at sentence borders, on the unchanged text or by the released protocol."""
    params = run.params.rationalyst_mining
    backend = make_backend(run.params.backend, load=partial(load_model, model, run.params.instruct[model.name].dtype))
    texts = read_jsonl(documents, Document)
    notes, numbers = mine(
        texts, backend, load_tokenizer(model), guide(source), params, journal=run.work / "journal" / "notes.jsonl"
    )
    write_jsonl(run.work / "notes.jsonl", notes)
    run.publish(run.work / "notes.jsonl", out)
    write_json(metrics, {"source": source, "model": model.name, "mode": params.mode, **numbers})
    run.log(**numbers)


if __name__ == "__main__":
    main()
