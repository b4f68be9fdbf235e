"""Which notes are kept, by their scores and by what they give away; no model (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.filtering import judge_all, summary
from stepwise.records import Document, ScoredRationale, read_jsonl, write_json, write_jsonl
from stepwise.stage import Run, stage


@stage(params=("rationalyst_filter",))
def main(run: Run, *, source: str, documents: Path, scored: Path, out: Path, metrics: Path) -> None:
    """Judge every note; the rejected ones stay in the file, with their reasons."""
    texts, notes = read_jsonl(documents, Document), read_jsonl(scored, ScoredRationale)
    judged = judge_all(texts, notes, run.params.rationalyst_filter)
    made = run.work / "judged.jsonl"
    write_jsonl(made, judged)
    run.publish(made, out)
    numbers = summary(judged)
    write_json(metrics, {"source": source, **numbers})
    run.log(**numbers)


if __name__ == "__main__":
    main()
