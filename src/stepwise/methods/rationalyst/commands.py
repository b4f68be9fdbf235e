"""RATIONALYST's command on the command line: `explain`."""

from __future__ import annotations

import argparse
import sys

from stepwise.methods.base import AddCommand


def add_explain(add: AddCommand) -> None:
    """`explain --model FOLDER --question TEXT [--steps STEP ...]`."""
    parser = add(
        "explain",
        explain,
        "Write the note with which RATIONALYST would choose the next step of a solution.",
        'python -m stepwise explain --model models/rationalyst/tiny --question "..." --steps "3 + 4 = 7"',
    )
    parser.add_argument("--model", required=True, help="RATIONALYST's folder, or models:/rationalyst-TASK-RUN@champion")
    parser.add_argument("--question", required=True, help="the question to solve")
    parser.add_argument("--steps", nargs="*", default=[], help="the steps so far, each in quotes")


def explain(options: argparse.Namespace) -> None:
    """Print the note."""
    from stepwise.methods.rationalyst.inference import explain

    note = explain.explain(options.model, options.question, options.steps)
    sys.stdout.write(f"{note or '(no note)'}\n")
