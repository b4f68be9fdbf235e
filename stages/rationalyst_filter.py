"""Keeps notes by their scores and by what they give away; needs no model (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.filtering import judge_all, summary
from stepwise.records import Document, ScoredRationale, read_jsonl, write_json, write_jsonl
from stepwise.stage import Run, stage


@stage(params=("rationalyst_filter",))
def main(run: Run, *, source: str, documents: Path, scored: Path, out: Path, metrics: Path) -> None:
    """Judge every note; rejected notes stay in the file with the reasons."""
    texts, notes = read_jsonl(documents, Document), read_jsonl(scored, ScoredRationale)
    judged = judge_all(texts, notes, run.params.rationalyst_filter)
    write_jsonl(run.work / "judged.jsonl", judged)
    run.publish(run.work / "judged.jsonl", out)
    numbers = summary(judged)
    write_json(metrics, {"source": source, **numbers})
    run.log(**numbers)


if __name__ == "__main__":
    main()
