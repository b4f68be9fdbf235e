"""Votes over many samples, once: the pipeline of HEAD in a clone, with more samples of more problems than by default.

    python -m studies.votes --k 32 --task word_problems --methods sft reft

What the pipeline has made here already comes out of DVC's cache.
The curves of maj@k, rerank@k, weighted@k and pass@k, k = 1, 2, 4 ..., come to studies/metrics and studies/plots.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from stepwise.pipeline.clones import clone_of_head, start

FOLDER = Path(".work/votes")
KEPT = {"metrics/vote": "studies/metrics/votes", "plots/vote": "studies/plots/votes"}


def main() -> None:
    """Run, and copy what was drawn; a call that was stopped goes on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", type=int, default=32)
    parser.add_argument("--limit", type=int, default=0, help="test problems; 0 means all")
    parser.add_argument("--task", default="word_problems")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--methods", nargs="+", default=["reft"])
    options = parser.parse_args()
    clone = clone_of_head(FOLDER)
    wanted = [f"task=[{options.task}]", f"sampling.k={options.k}", f"sampling.limit={options.limit}"]
    stages = [f"reft_vote@{method}-{options.task}-{options.model}" for method in options.methods]
    steps = (
        ("dvc", "cache", "dir", "--local", str(Path(".dvc/cache").resolve())),
        ("dvc", "checkout", "--quiet", "--allow-missing"),
        ("stepwise.params.compose", *wanted),
        ("dvc", "repro", *stages),
    )
    for arguments in steps:
        if start(clone, "-m", *arguments).wait():
            sys.exit(f"votes: {' '.join(arguments[:2])} stopped (see above); the same command goes on with it")
    for source, target in KEPT.items():
        for method in options.methods:
            shutil.copytree(clone / source / method, Path(target) / method, dirs_exist_ok=True)
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
