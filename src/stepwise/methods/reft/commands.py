"""ReFT's command on the command line: `vote`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from stepwise.methods.base import AddCommand


def add_vote(add: AddCommand) -> None:
    """`vote --samples FILE [--scores FILE]`."""
    parser = add(
        "vote",
        vote,
        "Vote over stored samples: majority, and with scores reranked and weighted, beside the bound pass@k.",
        "python -m stepwise vote --samples evaluations/vote/sft/word_problems-tiny/samples.jsonl",
    )
    parser.add_argument("--samples", type=Path, required=True, help="samples, as in samples/METHOD/test/TASK-MODEL")
    parser.add_argument("--scores", type=Path, help="a reranker's scores of them, as in evaluations/vote")


def vote(options: argparse.Namespace) -> None:
    """Print the accuracy of every vote at k = 1, 2, 4 ..."""
    from stepwise.methods.reft import voting
    from stepwise.records import Prediction, SampleScore, read_jsonl

    scores = read_jsonl(options.scores, SampleScore) if options.scores else None
    ballots = voting.ballots(read_jsonl(options.samples, Prediction), scores)
    sys.stdout.write(f"{len(ballots)} problems, percent [95 % interval]\n")
    sys.stdout.write(f"{voting.table(voting.curves(ballots))}\n")
