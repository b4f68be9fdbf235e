"""What a warm-up leaves to reinforcement, by form of solutions and by length: the answers of each start, by kind.

Reinforcement learns from its samples, so what counts is how often samples of training questions are right. A program is
broken where it uses a name that it has not assigned; sentences and formulas have no names to get wrong.

    python -m studies.reft_starts --out FILE
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
"""Problems answered greedily, problems answered by samples at temperature 1, and how many."""


def undefined(body: str) -> bool:
    """Whether a program's body (blanks in front) reads a name before any line assigns it."""
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


def described(one: Comparison, start: Path) -> dict[str, dict[str, float]]:
    """Shares of answers by kind, on training and dev problems, greedy and sampled."""
    found: dict[str, dict[str, float]] = {}
    greedy = Sampling(max_new_tokens=one.setting.longest, stop=one.task.stop)
    sampled = replace(greedy, n=SAMPLES, temperature=1.0, seed=5)
    for split, problems in (("train", one.gold), ("dev", one.task.load("dev").problems)):
        for name, how, count in (("greedy", greedy, GREEDY), ("sampled", sampled, SAMPLED)):
            rows = one.answer(start, problems[:count], how)
            found[f"{split} {name}"] = kinds(rows, one.setting.form)
    return found


def kinds(rows: Sequence[Prediction], form: str) -> dict[str, float]:
    """Shares of right, wrong and broken answers and, among programs, of those with an undefined name."""
    found = {name: share for name, share in shares(rows).items() if not name.startswith("right_")}
    if form == "p_cot":
        found["undefined"] = sum(undefined(row.text) for row in rows if not row.verdict.correct) / len(rows)
    return found


def main() -> None:
    """Print the shares of right answers and, with --out, write all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    params = load()
    rows: list[dict[str, object]] = []
    for setting in STARTS:
        with tempfile.TemporaryDirectory() as work:
            one = Comparison(setting, params, options.seed, Path(work), ReftParams())
            found = described(one, one.warm_up())
        print(setting, {name: round(each["right"], 3) for name, each in found.items()}, flush=True)
        rows.append({"form": setting.form, "solutions": setting.gold, "epochs": setting.epochs, **found})
        if options.out:
            write_json(options.out, {"seed": options.seed, "rows": rows})


if __name__ == "__main__":
    main()
