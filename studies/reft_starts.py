"""What a warm-up leaves for reinforcement to learn, by the form of the solutions and by the length of the warm-up.

Reinforcement learns from its samples, so what matters is how often samples of training questions are right. A program
breaks when it uses a name that it has not assigned; sentences and formulas have no such names.

    python -m studies.reft_starts
"""

from __future__ import annotations

import argparse
import ast
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from stepwise.generation.base import Sampling
from stepwise.params import load
from stepwise.params.reft import ReftParams
from stepwise.records import Prediction, write_json
from studies.reft_effect import SETTINGS, Comparison, Setting, shares

STARTS = (
    Setting("p_cot", gold=400, answers=400, epochs=5, longest=160),
    Setting("formula", gold=400, answers=400, epochs=2, longest=60),
    replace(SETTINGS["formula"], answers=400),
    Setting("p_cot", gold=400, answers=400, epochs=2, longest=160),
)
GREEDY, SAMPLED, SAMPLES = 200, 100, 4
"""Problems answered greedily, problems answered by sampling at temperature 1, and samples of each."""


def undefined(body: str) -> bool:
    """Whether an indented program body reads a name before any line assigns it."""
    try:
        function = ast.parse("def solution():\n" + body).body[0]
    except SyntaxError:
        return False
    known: set[str] = set()
    for line in function.body if isinstance(function, ast.FunctionDef) else ():
        names = [node for node in ast.walk(line) if isinstance(node, ast.Name)]
        if any(isinstance(name.ctx, ast.Load) and name.id not in known for name in names):
            return True
        known |= {name.id for name in names}
    return False


def describe(comparison: Comparison, start: Path) -> dict[str, dict[str, float]]:
    """The shares of each kind of answer on training and dev problems, greedy and sampled."""
    result: dict[str, dict[str, float]] = {}
    greedy = Sampling(max_new_tokens=comparison.setting.longest, stop=comparison.task.stop)
    sampled = replace(greedy, n=SAMPLES, temperature=1.0, seed=5)
    for split, problems in (("train", comparison.gold), ("dev", comparison.task.load("dev").problems)):
        for name, sampling, count in (("greedy", greedy, GREEDY), ("sampled", sampled, SAMPLED)):
            rows = comparison.answer(start, problems[:count], sampling)
            result[f"{split} {name}"] = kinds(rows, comparison.setting.form)
    return result


def kinds(rows: Sequence[Prediction], form: str) -> dict[str, float]:
    """The shares of right, wrong and broken answers and, for programs, of those with an undefined name."""
    result = {name: share for name, share in shares(rows).items() if not name.startswith("right_")}
    if form == "p_cot":
        result["undefined"] = sum(undefined(row.text) for row in rows if not row.verdict.correct) / len(rows)
    return result


def main() -> None:
    """Print the share of right answers and write all shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/reft_starts.json"))
    options = parser.parse_args()
    params = load()
    rows: list[dict[str, object]] = []
    for setting in STARTS:
        with tempfile.TemporaryDirectory() as work:
            comparison = Comparison(setting, params, options.seed, Path(work), ReftParams())
            result = describe(comparison, comparison.warm_up())
        print(setting, {name: round(share["right"], 3) for name, share in result.items()}, flush=True)
        rows.append({"form": setting.form, "solutions": setting.gold, "epochs": setting.epochs, **result})
        write_json(options.out, {"seed": options.seed, "rows": rows})


if __name__ == "__main__":
    main()
