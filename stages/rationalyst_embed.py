"""Every document's similarity to reasoning data (chapter: RATIONALYST)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.rationalyst.prefilter.similarity import score_documents, summary
from stepwise.methods.rationalyst.prefilter.solved_problems import solved_problems
from stepwise.records import write_json
from stepwise.stage import Run, stage


@stage(params=("seed", "task", "rationalyst_tasks", "rationalyst_embedding"))
def main(run: Run, *, documents: Path, problems: Path, out: Path, metrics: Path) -> None:
    """Embed the documents and the reasoning tasks' training problems, and store the cosines."""
    params = run.params
    counts = score_documents(
        params.rationalyst_embedding,
        documents=documents,
        references=solved_problems(params.rationalyst_tasks, params.task, problems, seed=params.seed),
        work=run.work / "embedding",
        out=run.work / "scores.jsonl",
    )
    numbers = {**counts, **summary(run.work / "scores.jsonl")}
    run.publish(run.work / "scores.jsonl", out)
    write_json(metrics, numbers)
    run.log(**numbers)


if __name__ == "__main__":
    main()
