"""RATIONALYST's supervision in lock-step, against the calls of the released code, problem by problem.

For each step the released code makes five calls in sequence: one for the agent's three samples, one for the note, and
one for each candidate's score. Both sides use the same backends and seeds; `same` is the share of problems for which
they choose the same steps.

    python -m benchmarks.supervision --model FOLDER --rationalyst FOLDER
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.inference import add_options, build, report
from stepwise.evaluation import spread
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.rationalyst.inference.choosers import strategy
from stepwise.methods.rationalyst.inference.note_writer import NoteWriter
from stepwise.methods.rationalyst.inference.roles import Roles
from stepwise.methods.rationalyst.inference.state import Choice, Models, PartialSolution
from stepwise.methods.rationalyst.inference.supervision import Rating, Strategy, mean_logprob, supervise
from stepwise.models.loading import load_model
from stepwise.params import TaskParams
from stepwise.params.rationalyst import RationalystSupervisionParams
from stepwise.records import Problem
from stepwise.tasks.answers.numbers import states_answer
from stepwise.tasks.registry import get_task

BATCH_TOKENS = 65536
PARAMS = RationalystSupervisionParams(steps=6, step_tokens=40, note_tokens=40)


def lock_step(roles: Roles, problems: Sequence[Problem]) -> list[PartialSolution]:
    """All problems together."""
    return supervise(problems, strategy("implicit", PARAMS, roles.seed), roles, states_answer, steps=PARAMS.steps)


def sequential(roles: Roles, problems: Sequence[Problem]) -> list[PartialSolution]:
    """Problem by problem, each proposal scored by a call of its own, duplicates included."""

    def rate(_models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
        (choice,) = choices
        single = [Choice(choice.solution, (proposal,), choice.note) for proposal in choice.proposals]
        scored = {proposal.texts[0]: roles.likelihoods([proposal])[0][0] for proposal in single}
        return [[Rating(mean_logprob(scored[text])) for text in choice.texts]]

    released = Strategy(rate, PARAMS.candidates, uses_notes=True)
    return [supervise([problem], released, roles, states_answer, steps=PARAMS.steps)[0] for problem in problems]


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.set_defaults(model="checkpoints/tiny", repeats=3)
    parser.add_argument("--rationalyst", type=Path, help="RATIONALYST's folder (default: the model itself)")
    parser.add_argument("--items", type=int, default=100)
    options = parser.parse_args()
    model, tokenizer = build(options, [])
    agent = TransformersBackend(model, tokenizer, batch_tokens=BATCH_TOKENS)
    writer: tuple[Any, Any] = load_model(options.rationalyst) if options.rationalyst else (model, tokenizer)
    notes = TransformersBackend(*writer, batch_tokens=BATCH_TOKENS)
    note_writer = NoteWriter(notes, writer[1], max_length=512, note_tokens=PARAMS.note_tokens)
    task = get_task("word_problems_text", TaskParams(form="n_cot"), seed=1)
    problems = spread(task.load("test").problems, options.items)
    roles = Roles(task=task, params=PARAMS, agent=agent, note_writer=note_writer, scorer=agent, verifier=agent)
    rates: dict[str, list[float]] = {"five calls a step": [], "stepwise": []}
    for repeat in range(options.repeats + 1):
        start = time.perf_counter()
        solutions = lock_step(roles, problems)
        middle = time.perf_counter()
        baseline = sequential(roles, problems)
        if repeat:  # the first one warms up
            rates["stepwise"].append(len(problems) / (middle - start))
            rates["five calls a step"].append(len(problems) / (time.perf_counter() - middle))
    same = sum(a.steps == b.steps for a, b in zip(solutions, baseline, strict=True)) / len(problems)
    steps = sum(len(solution.steps) for solution in solutions)
    figures = {"problems": len(problems), "steps": steps, "same_choices": same}
    report(options, "problems/s", rates, "stepwise", figures, {"stepwise": f"{100 * same:.0f} %"})


if __name__ == "__main__":
    main()
