"""`make seeds`: the whole comparison repeated with several seeds, and the paired differences pooled over them.

A seed decides the problems, the order of training and every sample, so a method that wins over all seeds together does
not owe it to a lucky draw. Each seed runs in a clone of its own under .work, several at once where there are cores for
them.
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
from stepwise.methods.base import Variants
from stepwise.methods.registry import METHODS, comparisons
from stepwise.params.compose import compose
from stepwise.pipeline.clones import clone_of_head, start
from stepwise.records import Prediction, read_jsonl, write_json
from stepwise.report import Pair, Row
from stepwise.statistics import wilson

FOLDER = Path(".work/seeds")
Answers = Mapping[int, Sequence[Prediction]]
"""Predictions by seed."""


class SeedsError(StepwiseError, RuntimeError):
    """A seed's pipeline stopped; the message names the seed and the remedy."""


def run(seeds: Sequence[int], overrides: Sequence[str], at_once: int) -> dict[int, Path]:
    """Run the pipeline of HEAD with each seed, and return each seed's clone. A clone that is there already is resumed.

    Raises SeedsError for the first pipeline that stops.
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
                raise SeedsError(f"the pipeline of seed {seed} stopped (see above); `make seeds` resumes it")
            sys.stderr.write(f"seeds: {seed} is done\n")
        time.sleep(0.5)
    return clones


def _start(clone: Path, overrides: Sequence[str]) -> subprocess.Popen[bytes]:
    if start(clone, "-m", "stepwise.params.compose", *overrides).wait():
        raise SeedsError(f"{' '.join(overrides)} do not compose (see above)")
    return start(clone, "-m", "stepwise.pipeline.repro", OMP_NUM_THREADS="1")


def without_demonstrations(overrides: Sequence[str]) -> list[str]:
    """The overrides, and further ones that leave out demonstrations unless the same key is overridden already."""
    composed = params.parse(compose(overrides), "conf/")
    keys = {override.partition("=")[0] for override in overrides}
    narrowed = [override for method in METHODS for override in method.without_demonstrations(composed)]
    return [*overrides, *(override for override in narrowed if override.partition("=")[0] not in keys)]


def summary(clones: Mapping[int, Path]) -> dict[str, object]:
    """Every method's accuracy with each seed and with all, and its pooled paired differences from the baselines.

    A method's variants are compared in the same way, with their own baselines.
    """
    first = next(iter(clones.values()))
    parameters = params.load(first / "params.yaml")
    rows = report.collect(first / "metrics" / "evaluate", parameters.tasks, parameters.models)
    answers = {row.place: _answers(clones, row) for row in rows}
    pairs = report.compare_with_baselines(rows, lambda row: _pooled(answers[row.place]), comparisons(parameters))
    accuracies = [_accuracy(row.task, row.model, row.method, answers[row.place]) for row in rows]
    for variants in (variants for method in METHODS for variants in method.variants(parameters)):
        by_name = _variant_answers(clones, variants)
        accuracies += [_accuracy(variants.task, variants.model, name, of_name) for name, of_name in by_name.items()]
        for name, baseline in itertools.product(by_name, variants.baselines):
            if baseline in by_name and baseline != name:
                comparison = evaluation.compare(_pooled(by_name[baseline]), _pooled(by_name[name]))
                pairs.append(Pair(variants.task, variants.model, name, baseline, comparison))
    return {
        "seeds": list(clones),
        "accuracies": accuracies,
        "pairs": [report.pairs.as_row(pair) for pair in pairs],
    }


def _answers(clones: Mapping[int, Path], row: Row) -> Answers:
    """A row's greedy predictions."""
    return {seed: _marked(seed, report.greedy(clone / "evaluations", row)) for seed, clone in clones.items()}


def _variant_answers(clones: Mapping[int, Path], variants: Variants) -> dict[str, Answers]:
    """The predictions of each variant, by its name."""
    folder = Path("evaluations") / variants.folder
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
    return [
        prediction.model_copy(update={"problem_id": f"{seed}/{prediction.problem_id}"}) for prediction in predictions
    ]


def _pooled(answers: Answers) -> list[Prediction]:
    return [prediction for predictions in answers.values() for prediction in predictions]


def _accuracy(task: str, model: str, method: str, answers: Answers) -> dict[str, object]:
    correct = [prediction.verdict.correct for prediction in _pooled(answers)]
    share = wilson(sum(correct), len(correct))
    return {
        "task": task,
        "model": model,
        "method": method,
        **{str(seed): evaluation.accuracy(predictions) for seed, predictions in answers.items()},
        "accuracy": share.value,
        "accuracy_low": share.low,
        "accuracy_high": share.high,
        "problems": len(correct),
    }


def show(pooled: dict[str, Any]) -> None:
    """Print both tables, in percent and percentage points."""
    seeds = [str(seed) for seed in pooled["seeds"]]
    sys.stdout.write(f"{'task':22}{'model':10}{'method':18}" + "".join(f"{seed:>9}" for seed in (*seeds, "all")) + "\n")
    for row in pooled["accuracies"]:
        values = "".join(f"{100 * row[name]:9.1f}" for name in (*seeds, "accuracy"))
        sys.stdout.write(f"{row['task']:22}{row['model']:10}{row['method']:18}{values}\n")
    for row in pooled["pairs"]:
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
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", help="further Hydra overrides")
    parser.add_argument("--at-once", type=int, default=os.cpu_count() or 1, help="pipelines side by side")
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/seeds.json"))
    options = parser.parse_args()
    try:
        overrides = without_demonstrations([f"task=[{','.join(options.tasks)}]", *options.set])
        clones = run(options.seeds, overrides, options.at_once)
        pooled = summary(clones)
    except StepwiseError as error:
        sys.exit(f"make seeds: {error}")
    write_json(options.out, pooled)
    show(pooled)
    shutil.rmtree(FOLDER)


if __name__ == "__main__":
    main()
