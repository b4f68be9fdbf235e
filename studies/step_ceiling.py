"""How much a perfect choice of steps would gain: of those that an agent proposes, one that reckons as the reference.

A chooser that reads the solution is a ceiling for all that do not. Where it gains little over a random choice, the
proposals are what is short, and no note can tell; where it gains much, the choosers are.

    python -m studies.step_ceiling --name tiny --candidates 3 8 --out studies/metrics/step_ceiling.json
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from stepwise import evaluation
from stepwise.methods.rationalyst.inference.choosers import method
from stepwise.methods.rationalyst.inference.compare import checked
from stepwise.methods.rationalyst.inference.setup import Contest, prepare
from stepwise.methods.rationalyst.inference.state import Attempt, Choice, Models
from stepwise.methods.rationalyst.inference.supervision import Method, Rating, supervise
from stepwise.params import Params, load
from stepwise.records import Prediction, write_json
from stepwise.tasks.answers.numbers import states_answer

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def main() -> None:
    """Print and write a row a number of candidates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="tiny", help="one of rationalyst_runs")
    parser.add_argument("--candidates", type=int, nargs="+", default=[3, 8])
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    rows = []
    for count in options.candidates:
        contest = contest_of(load(), options.name, options.items, count)
        by_chance = solved(contest, method("random", contest.supervision, contest.seed))
        perfect = solved(contest, Method(as_the_reference, count))
        found = evaluation.compare(by_chance, perfect, seed=contest.seed)
        rows.append({"candidates": count, **asdict(found)})
        print(
            f"{count} candidates: random {found.first:.3f}, perfect {found.second:.3f}, "
            f"difference {found.difference:+.3f} [{found.low:+.3f}, {found.high:+.3f}] on {found.problems} problems"
        )
    if options.out:
        write_json(options.out, {"run": options.name, "rows": rows})


def contest_of(params: Params, name: str, items: int, count: int) -> Contest:
    """The run's agent on its test problems, with so many candidates a step."""
    run = params.rationalyst_runs[name].model_copy(update={"items": items})
    supervision = params.rationalyst_supervision.model_copy(update={"candidates": count})
    roles = {"agent": run.agent, "scorer": run.scorer, "verifier": run.verifier}
    roles["rationalyst"] = f"models/rationalyst/{name}"
    return prepare(
        params.model_copy(update={"rationalyst_supervision": supervision}), run,
        {role: Path(folder) for role, folder in roles.items()}, task=run.task, data=Path("data/tasks", run.task),
        work=Path(".work/step_ceiling", f"{name}-{count}"),
    )  # fmt: skip


def solved(contest: Contest, way: Method) -> list[Prediction]:
    """The problems' predictions when steps are chosen in a way."""
    attempts = supervise(contest.problems, way, contest.models.roles, states_answer, steps=contest.supervision.steps)
    return checked(contest.task, attempts, contest.supervision.step_end)


def as_the_reference(_models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    """1 for a candidate with the numbers of the reference's step at this place, else 0."""
    return [[Rating(float(agrees(choice.attempt, text))) for text in choice.texts] for choice in choices]


def agrees(attempt: Attempt, step: str) -> bool:
    """Whether a step has the numbers of the reference's next one, in order."""
    reference = attempt.problem.reference
    lines = reference.text.splitlines() if reference else []
    place = len(attempt.steps)
    return place < len(lines) and NUMBER.findall(step) == NUMBER.findall(lines[place])


if __name__ == "__main__":
    main()
