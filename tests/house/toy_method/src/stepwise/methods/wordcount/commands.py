"""The toy's command on the command line: `count`."""

from __future__ import annotations

import argparse
import sys

from stepwise.methods.base import AddCommand


def add_count(add: AddCommand) -> None:
    """`count QUESTION`."""
    parser = add("count", count, "Count a question's words.", 'python -m stepwise count "How many?"')
    parser.add_argument("question")


def count(options: argparse.Namespace) -> None:
    """Print the number of words."""
    from stepwise.methods.wordcount.counting import mean_length
    from stepwise.params.wordcount import WordCountParams

    sys.stdout.write(f"{mean_length([options.question], WordCountParams()):.0f} words\n")
