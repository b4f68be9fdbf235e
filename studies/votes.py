"""Votes over more samples of more problems than by default, with the pipeline of HEAD in a clone.

    python -m studies.votes

Stages that have already run here are taken from DVC's cache. The curves of maj@k, rerank@k, weighted@k and pass@k for
k = 1, 2, 4, ... are written to studies/metrics/votes and studies/plots/votes. An interrupted run resumes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from stepwise.pipeline.clones import clone_of_head, start

FOLDER = Path(".work/votes")
COPIED = {"metrics/vote": "studies/metrics/votes", "plots/vote": "studies/plots/votes"}


def main() -> None:
    """Run the stages in the clone and copy their metrics and plots."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, default=32, help="samples of each problem")
    parser.add_argument("--limit", type=int, default=0, help="number of test problems; 0 means all")
    parser.add_argument("--task", default="word_problems")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--methods", nargs="+", default=["sft", "reft"])
    options = parser.parse_args()
    clone = clone_of_head(FOLDER)
    overrides = [f"task=[{options.task}]", f"sampling.k={options.k}", f"sampling.limit={options.limit}"]
    stages = [f"reft_vote@{method}-{options.task}-{options.model}" for method in options.methods]
    commands = (
        ("dvc", "cache", "dir", "--local", str(Path(".dvc/cache").resolve())),
        ("dvc", "checkout", "--quiet", "--allow-missing"),
        ("stepwise.params.compose", *overrides),
        ("dvc", "repro", *stages),
    )
    for arguments in commands:
        if start(clone, "-m", *arguments).wait():
            sys.exit(f"votes: {' '.join(arguments[:2])} stopped (see above); the same command resumes it")
    for source, target in COPIED.items():
        for method in options.methods:
            shutil.copytree(clone / source / method, Path(target) / method, dirs_exist_ok=True)
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
