"""`make seeds`: the whole comparison anew for several seeds, and their pooled paired differences.

A seed decides the problems, the order of training and every sample, so a method that wins on pooled seeds does not owe
it to one draw. Each seed runs in a clone of its own under .work; two or more at once where there are cores for them.
"""

from __future__ import annotations

import argparse
import itertools
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stepwise import evaluation, params, report
from stepwise.errors import StepwiseError
from stepwise.params.rationalyst import BASELINES
from stepwise.pipeline.clones import clone_of_head, start
from stepwise.records import Prediction, read_jsonl, write_json
from stepwise.report import Row
from stepwise.report.comparisons import compare_with_baselines, greedy
from stepwise.report.pairs import Pair
from stepwise.statistics import wilson

FOLDER = Path(".work/seeds")
Answers = Mapping[int, Sequence[Prediction]]
"""Predictions by seed."""


class SeedsError(StepwiseError, RuntimeError):
    """A seed's pipeline stopped; the message names it and the remedy."""


def run(seeds: Sequence[int], overrides: Sequence[str], at_once: int) -> dict[int, Path]:
    """The pipeline of HEAD for each seed; a later call goes on with clones that an earlier one left.

    Returns each seed's clone. Raises SeedsError for the first pipeline that stops.
    """
    clones = {seed: clone_of_head(FOLDER / str(seed)) for seed in seeds}
    waiting = list(seeds)
    running: dict[int, subprocess.Popen[bytes]] = {}
    while waiting or running:
        while waiting and len(running) < at_once:
            seed = waiting.pop(0)
            running[seed] = _start(clones[seed], [f"seed={seed}", *overrides])
        for seed in [seed for seed, process in running.items() if process.poll() is not None]:
            if running.pop(seed).returncode:
                for process in running.values():
                    process.terminate()
                raise SeedsError(f"the pipeline of seed {seed} stopped (see above); `make seeds` goes on with it")
            sys.stderr.write(f"seeds: {seed} is done\n")
        time.sleep(0.5)
    return clones


def _start(clone: Path, overrides: Sequence[str]) -> subprocess.Popen[bytes]:
    if start(clone, "-m", "stepwise.params.compose", *overrides).wait():
        raise SeedsError(f"{' '.join(overrides)} do not compose (see above)")
    return start(clone, "-m", "stepwise.pipeline.repro", OMP_NUM_THREADS="1")


def summary(clones: Mapping[int, Path]) -> dict[str, object]:
    """Every method's accuracy by seed and over all seeds, and its pooled paired differences from the baselines.

    The ways of choosing an agent's steps are methods, too; a RATIONALYST run's name stands in the place of the model.
    """
    first = next(iter(clones.values()))
    of = params.load(first / "params.yaml")
    rows = report.collect(first / "metrics" / "evaluate", of.tasks, of.models)
    answers = {row.place: _answers(clones, row) for row in rows}
    pairs = compare_with_baselines(rows, lambda row: _pooled(answers[row.place]))
    accuracies = [_accuracy(row.task, row.model, row.method, answers[row.place]) for row in rows]
    for name, run in of.rationalyst_runs.items():
        ways = _ways(clones, name)
        accuracies += [_accuracy(run.task, name, way, found) for way, found in ways.items()]
        for way, baseline in itertools.product(ways, BASELINES):
            if baseline in ways and baseline != way:
                difference = evaluation.compare(_pooled(ways[baseline]), _pooled(ways[way]))
                pairs.append(Pair(run.task, name, way, baseline, difference))
    return {
        "seeds": list(clones),
        "accuracies": accuracies,
        "pairs": [report.pairs.as_row(pair) for pair in pairs],
    }


def _answers(clones: Mapping[int, Path], row: Row) -> Answers:
    """A row's greedy predictions."""
    return {seed: _marked(seed, greedy(clone / "evaluations", row)) for seed, clone in clones.items()}


def _ways(clones: Mapping[int, Path], run: str) -> dict[str, Answers]:
    """What a RATIONALYST run's agent answered, by the way in which its steps were chosen."""
    folder = Path("evaluations", "rationalyst", run)
    names = sorted(path.stem for path in (next(iter(clones.values())) / folder).glob("*.jsonl"))
    return {
        name: {
            seed: _marked(seed, read_jsonl(clone / folder / f"{name}.jsonl", Prediction))
            for seed, clone in clones.items()
        }
        for name in names
    }


def _marked(seed: int, predictions: Sequence[Prediction]) -> list[Prediction]:
    """Predictions with the seed in front of each problem's id: every seed has problems of its own."""
    return [one.model_copy(update={"problem_id": f"{seed}/{one.problem_id}"}) for one in predictions]


def _pooled(answers: Answers) -> list[Prediction]:
    return [one for several in answers.values() for one in several]


def _accuracy(task: str, model: str, method: str, answers: Answers) -> dict[str, object]:
    pooled = [one.verdict.correct for several in answers.values() for one in several]
    found = wilson(sum(pooled), len(pooled))
    return {
        "task": task,
        "model": model,
        "method": method,
        **{str(seed): evaluation.accuracy(several) for seed, several in answers.items()},
        "accuracy": found.value,
        "accuracy_low": found.low,
        "accuracy_high": found.high,
        "problems": len(pooled),
    }


def show(found: dict[str, Any]) -> None:
    """Print both tables, in percent and percentage points."""
    seeds = [str(seed) for seed in found["seeds"]]
    sys.stdout.write(f"{'task':22}{'model':10}{'method':18}" + "".join(f"{seed:>9}" for seed in (*seeds, "all")) + "\n")
    for row in found["accuracies"]:
        values = "".join(f"{100 * row[name]:9.1f}" for name in (*seeds, "accuracy"))
        sys.stdout.write(f"{row['task']:22}{row['model']:10}{row['method']:18}{values}\n")
    for row in found["pairs"]:
        low, high = 100 * row["low"], 100 * row["high"]
        sys.stdout.write(
            f"{row['task']}, {row['model']}: {row['method']} against {row['against']} "
            f"{100 * row['difference']:+.1f} [{low:+.1f}, {high:+.1f}] of {row['problems']} problems\n"
        )


def main() -> None:
    """Command line of the Make target."""
    parser = argparse.ArgumentParser(prog="python -m studies.seeds", description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101, 102, 103])
    parser.add_argument("--tasks", nargs="+", default=["word_problems", "word_problems_text"])
    parser.add_argument("--rationalyst-runs", nargs="+", default=["tiny"])
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="pipelines side by side")
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/seeds.json"))
    options = parser.parse_args()
    try:
        chosen = {"task": options.tasks, "rationalyst_run": options.rationalyst_runs}
        clones = run(options.seeds, [f"{key}=[{','.join(names)}]" for key, names in chosen.items()], options.at_once)
        found = summary(clones)
    except StepwiseError as error:
        sys.exit(f"make seeds: {error}")
    write_json(options.out, found)
    show(found)
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
