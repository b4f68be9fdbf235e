"""The mean length of a task's questions (chapter: toy)."""

from __future__ import annotations

from pathlib import Path

from stepwise.methods.wordcount.counting import mean_length
from stepwise.records import Problem, read_jsonl, write_json
from stepwise.stage import Run, stage


@stage(params=("wordcount",))
def main(run: Run, *, task: str, data: Path, metrics: Path) -> None:
    """Count the words of the training problems."""
    questions = [problem.question for problem in read_jsonl(data / "train.jsonl", Problem)]
    write_json(metrics, {"method": "wordcount", "task": task, "words": mean_length(questions, run.params.wordcount)})


if __name__ == "__main__":
    main()
