"""The documents to mine: those of the corpus that resemble reasoning, and solved problems (chapter: RATIONALYST)."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from stepwise.methods.rationalyst.prefilter.solved_problems import solved_problems
from stepwise.methods.rationalyst.prefilter.threshold import Prefilter
from stepwise.records import write_json, write_jsonl
from stepwise.stage import Run, stage


@stage(params=("seed", "task", "rationalyst_tasks", "rationalyst_prefilter"))
def main(run: Run, *, documents: Path, scores: Path, problems: Path, out: Path, metrics: Path) -> None:
    """Keep documents by their scores; a new threshold needs no model."""
    params = run.params
    prefilter = Prefilter(params.rationalyst_prefilter, documents, scores)
    folder = run.work / "documents"
    write_jsonl(folder / "corpus.jsonl", prefilter.documents())
    numbers = prefilter.counts()
    most = params.rationalyst_prefilter.problems or None
    solved = solved_problems(params.rationalyst_tasks, params.task, problems, seed=params.seed)
    reasoning = [document for documents in solved.values() for document in islice(documents, most)]
    numbers["problems"] = write_jsonl(folder / "reasoning.jsonl", reasoning)
    run.publish(folder, out)
    write_json(metrics, numbers)
    run.log(**numbers)


if __name__ == "__main__":
    main()
