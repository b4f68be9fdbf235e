"""SVAMP end to end: warm-up and a short ReFT run on the real files, with the pipeline of HEAD in a clone.

    export STEPWISE_DATA=/path/to/data
    python -m studies.svamp

Accuracies on all 1000 test problems with intervals, their paired difference, hours and tokens per second by stage, and
the machine are written to studies/metrics/svamp_reft.json. An interrupted run resumes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stepwise import evaluation
from stepwise.pipeline.clones import clone_of_head, start
from stepwise.records import Prediction, read_jsonl, write_json
from stepwise.tracking.runs import StageRun, read_journal

FOLDER = Path(".work/svamp")
METHODS = {"warm_up": "evaluate", "reft": "reft_evaluate"}
"""Methods and the stage that evaluates each."""


def main() -> None:
    """Run the stages and write a summary of their results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny", help="one of conf/model")
    parser.add_argument("--scale", default="default", help="one of conf/scale")
    parser.add_argument("--steps", type=int, default=30, help="reinforcement steps")
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/svamp_reft.json"))
    options = parser.parse_args()
    clone = clone_of_head(FOLDER)
    overrides = ["task=[svamp]", f"model=[{options.model}]", f"scale={options.scale}"]
    overrides += ["reft_tasks=[svamp]", f"reft.steps={options.steps}"]
    stages = [f"{stage}@{method}-svamp-{options.model}" for method, stage in METHODS.items()]
    for arguments in (("stepwise.params.compose", *overrides), ("dvc", "repro", *stages)):
        if start(clone, "-m", *arguments, STEPWISE_TRACKING="later").wait():
            sys.exit(f"svamp: {' '.join(arguments[:2])} stopped (see above); the same command resumes it")
    write_json(options.out, summary(clone, options.model))
    shutil.rmtree(FOLDER)


def summary(clone: Path, model: str) -> dict[str, Any]:
    """Results and costs of the clone's stages."""
    name = f"svamp-{model}"
    runs = [read_journal(path) for path in (clone / ".work" / "tracking").glob("*.json")]
    runs.sort(key=lambda run: run.started)
    answers = {
        method: read_jsonl(clone / "evaluations" / method / name / "greedy.jsonl", Prediction) for method in METHODS
    }
    return {
        "metrics": {method: _read(clone / "metrics" / "evaluate" / method / f"{name}.json") for method in METHODS},
        "reft_against_warm_up": asdict(evaluation.compare(answers["warm_up"], answers["reft"])),
        "spent": _read(clone / "metrics" / "training" / "reft" / f"{name}.json"),
        "stages": [cost(run) for run in runs],
        "machine": runs[-1].machine,
    }


def cost(run: StageRun) -> dict[str, str | float]:
    """A stage's hours and, if it trained or generated, its tokens per second."""
    seconds = run.ended - run.started
    row: dict[str, str | float] = {"stage": run.title, "hours": round(seconds / 3600, 4)}
    if "trained_tokens" in run.metrics:
        tokens = run.metrics["trained_tokens"] + run.metrics["generated_tokens"]
        return row | {"tokens_per_second": round(tokens / seconds, 1)}
    if "tokens_per_second" in run.metrics:
        return row | {"tokens_per_second": round(run.metrics["tokens_per_second"], 1)}
    return row


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
