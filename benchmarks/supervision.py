"""RATIONALYST's supervision in lock-step, against five calls a step, one after the other, problem by problem.

The five calls are those of the released code: the agent's three samples, the note, and each candidate scored on its
own. Both take the same backends and the same seeds; `same` is the share of problems with the same steps chosen.

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
from stepwise.methods.rationalyst.inference.choosers import method
from stepwise.methods.rationalyst.inference.note_writer import Rationalyst
from stepwise.methods.rationalyst.inference.roles import Roles
from stepwise.methods.rationalyst.inference.state import Attempt, Choice, Models
from stepwise.methods.rationalyst.inference.supervision import Method, Rating, mean_logprob, supervise
from stepwise.models.loading import load_model
from stepwise.params import RationalystSupervisionParams, TaskParams
from stepwise.records import Problem
from stepwise.tasks.answers.numbers import states_answer
from stepwise.tasks.registry import get_task

BATCH_TOKENS = 65536
PARAMS = RationalystSupervisionParams(steps=6, step_tokens=40, note_tokens=40)


def lock_step(roles: Roles, problems: Sequence[Problem]) -> list[Attempt]:
    """All problems together."""
    return supervise(problems, method("implicit", PARAMS, roles.seed), roles, states_answer, steps=PARAMS.steps)


def one_by_one(roles: Roles, problems: Sequence[Problem]) -> list[Attempt]:
    """Problem by problem, each proposal scored by a call of its own, be it like another one or not."""

    def rate(_models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
        (choice,) = choices
        proposed = [Choice(choice.attempt, (one,), choice.note) for one in choice.proposals]
        scored = {one.texts[0]: roles.likelihoods([one])[0][0] for one in proposed}
        return [[Rating(mean_logprob(scored[text])) for text in choice.texts]]

    calls = Method(rate, PARAMS.candidates, noted=True)
    return [supervise([one], calls, roles, states_answer, steps=PARAMS.steps)[0] for one in problems]


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
    rationalyst = Rationalyst(notes, writer[1], max_length=512, note_tokens=PARAMS.note_tokens)
    task = get_task("word_problems_text", TaskParams(form="n_cot"), seed=1)
    problems = spread(task.load("test").problems, options.items)
    roles = Roles(task=task, params=PARAMS, agent=agent, rationalyst=rationalyst, scorer=agent, verifier=agent)
    rates: dict[str, list[float]] = {"five calls a step": [], "stepwise": []}
    for turn in range(options.repeats + 1):
        begun = time.perf_counter()
        ours = lock_step(roles, problems)
        between = time.perf_counter()
        theirs = one_by_one(roles, problems)
        if turn:
            rates["stepwise"].append(len(problems) / (between - begun))
            rates["five calls a step"].append(len(problems) / (time.perf_counter() - between))
    same = sum(a.steps == b.steps for a, b in zip(ours, theirs, strict=True)) / len(problems)
    figures = {"problems": len(problems), "steps": sum(len(one.steps) for one in ours), "same_choices": same}
    report(options, "problems/s", rates, "stepwise", figures, {"stepwise": f"{100 * same:.0f} %"})


if __name__ == "__main__":
    main()
