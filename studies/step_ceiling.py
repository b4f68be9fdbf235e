"""How much a perfect chooser would gain: one that picks the proposed step that calculates as the reference does.

A chooser that reads the solution is an upper bound for all that do not. If it gains little over a random choice, the
agent's proposals are the limit and no note can help; if it gains much, the choosers are.

    dvc repro rationalyst_train
    python -m studies.step_ceiling
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from stepwise import evaluation
from stepwise.methods.rationalyst.inference.choosers import strategy
from stepwise.methods.rationalyst.inference.compare import check_solutions
from stepwise.methods.rationalyst.inference.setup import Comparison, prepare
from stepwise.methods.rationalyst.inference.state import Choice, Models, PartialSolution
from stepwise.methods.rationalyst.inference.supervision import Rating, Strategy, supervise
from stepwise.params import Params, load
from stepwise.records import Prediction, write_json
from stepwise.tasks.answers.numbers import states_answer

NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def main() -> None:
    """Print and write a row per number of candidates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="tiny", help="one of rationalyst_runs")
    parser.add_argument("--candidates", type=int, nargs="+", default=[3, 8])
    parser.add_argument("--items", type=int, default=500)
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/step_ceiling.json"))
    options = parser.parse_args()
    rows = []
    for count in options.candidates:
        comparison = comparison_of(load(), options.name, options.items, count)
        by_chance = solved(comparison, strategy("random", comparison.supervision, comparison.seed))
        perfect = solved(comparison, Strategy(as_the_reference, count))
        gain = evaluation.compare(by_chance, perfect, seed=comparison.seed)
        rows.append({"candidates": count, **asdict(gain)})
        print(
            f"{count} candidates: random {gain.first:.3f}, perfect {gain.second:.3f}, "
            f"difference {gain.difference:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}] on {gain.problems} problems"
        )
    write_json(options.out, {"run": options.name, "rows": rows})


def comparison_of(params: Params, name: str, items: int, count: int) -> Comparison:
    """The run's agent on its test problems, with `count` candidates per step."""
    run = params.rationalyst_runs[name].model_copy(update={"items": items})
    supervision = params.rationalyst_supervision.model_copy(update={"candidates": count})
    roles = {"agent": run.agent, "scorer": run.scorer, "verifier": run.verifier}
    roles["rationalyst"] = f"models/rationalyst/{name}"
    return prepare(
        params.model_copy(update={"rationalyst_supervision": supervision}), run,
        {role: Path(folder) for role, folder in roles.items()}, task=run.task, data=Path("data/tasks", run.task),
        work=Path(".work/step_ceiling", f"{name}-{count}"),
    )  # fmt: skip


def solved(comparison: Comparison, way: Strategy) -> list[Prediction]:
    """The problems' predictions when this strategy chooses the steps."""
    solutions = supervise(
        comparison.problems, way, comparison.models.roles, states_answer, steps=comparison.supervision.steps
    )
    return check_solutions(comparison.task, solutions, comparison.supervision.step_end)


def as_the_reference(_models: Models, choices: Sequence[Choice]) -> list[list[Rating]]:
    """1 for a candidate with the same numbers as the reference's step at this place, otherwise 0."""
    return [[Rating(float(agrees(choice.solution, text))) for text in choice.texts] for choice in choices]


def agrees(solution: PartialSolution, step: str) -> bool:
    """Whether a step has the numbers of the reference's next step, in order."""
    reference = solution.problem.reference
    lines = reference.text.splitlines() if reference else []
    place = len(solution.steps)
    return place < len(lines) and NUMBER.findall(step) == NUMBER.findall(lines[place])


if __name__ == "__main__":
    main()
