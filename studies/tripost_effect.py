"""Where TriPosT beats continued fine-tuning on the gold solutions, and what each of its parts contributes.

Runs TriPosT's chapter of the pipeline with other seeds, which decide the problems, their order and every sample. All
variants start from one warm-up model; a baseline takes as many optimiser steps as the rounds together, with as many
tokens a step and the same schedule. First try several learning rates on dev, then run the chosen ones on test:

    python -m studies.tripost_effect --tune --seeds 11 --out tuning.json
    python -m studies.tripost_effect --seeds 31 32 33 --rates tripost=5e-4 continued=5e-4

Words after `--` are Hydra overrides of params.yaml, for other tasks, lengths or numbers of rounds:

    python -m studies.tripost_effect --seeds 21 --variants tripost continued -- 'tripost_collect.passes=1'

Variants are `tripost`, its ablations (no_interaction, no_filtering, no_balance, no_weighting: section 5 of the paper)
and its baselines (continued, lmsi, demonstrations).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from stepwise import evaluation
from stepwise.methods.tripost.baselines.demonstrations import demonstrate
from stepwise.methods.tripost.baselines.fine_tuned import Baselines, train_baseline
from stepwise.methods.tripost.examining import Examined, examine
from stepwise.methods.tripost.rounds.collecting import collect, window
from stepwise.methods.tripost.rounds.editing_round import Editor, counts, edit_passes
from stepwise.methods.tripost.rounds.round import Round, train_round
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.methods.tripost.teacher.teachers import scripted_teacher
from stepwise.params import Params, parse
from stepwise.params.compose import compose
from stepwise.params.tripost import TripostTraining
from stepwise.records import EditedTrajectory, Prediction, write_json
from stepwise.tasks.base import gold_examples
from stepwise.tasks.preparation.prepare import with_references
from stepwise.tracking.provenance import machine
from stepwise.training import sft

MODEL = "tiny"
BASE = Path("checkpoints") / MODEL
BASELINES = ("continued", "lmsi", "demonstrations")
ABLATIONS: dict[str, dict[str, float]] = {
    "tripost": {},
    "no_interaction": {},
    "no_filtering": {},
    "no_balance": {"ratio": 0.0},
    "no_weighting": {"feedback_weight": 1.0},
}
"""What a variant of TriPosT changes in the parameters of training."""
RATES = (2.5e-4, 5e-4, 1e-3)
"""Learning rates that `--tune` tries for every variant."""


class Comparison:
    """TriPosT and what it is compared with, on one task with one seed."""

    def __init__(self, params: Params, task: str, seed: int, work: Path) -> None:
        """Generate the problems; nothing is trained yet."""
        self.params = params.model_copy(update={"seed": seed})
        self.setup = TripostSetup.load(self.params, task, MODEL)
        train, self.dev, self.test = (self.setup.task.load(split).problems for split in ("train", "dev", "test"))
        self.train = with_references(train, self.setup.task_params.references)
        self.teacher = scripted_teacher(task)
        self.work = work

    def warm_up(self) -> Path:
        """The model that all variants start from."""
        tuning = self.params.warm_up
        dev = evaluation.spread(self.dev, tuning.dev_examples)
        setup = sft.TrainSetup(
            seed=self.setup.seed,
            work=self.work / "warm_up-training",
            out=self.work / "warm_up",
            evaluate=self.setup.dev_accuracy(dev),
        )
        sft.train(
            BASE,
            gold_examples(self.setup.task, self.train),
            tuning,
            setup,
            epochs=self.setup.task_params.warm_up_epochs,
        )
        return setup.out

    def rounds(self, variant: str, rate: float, start: Path) -> tuple[list[Path], Path]:
        """The models of TriPosT's rounds, and the folder of their metrics."""
        folder, model, models = self.work / f"{variant}-{rate:g}", start, []
        for this in self.params.tripost_rounds:
            edited = self._edited(variant, model, this.number)
            training = self._training(rate, **ABLATIONS[variant])
            result = train_round(
                Round(
                    name=this.name,
                    number=this.number,
                    setup=self.setup,
                    train=self.train,
                    dev=self.dev,
                    params=training,
                    least_rows=0,
                    work=folder / this.name,
                ),
                model,
                edited,
            )
            write_json(folder / "metrics" / f"{this.name}.json", {"number": this.number, **result.numbers})
            model = result.model
            models.append(model)
        return models, folder / "metrics"

    def baseline(self, variant: str, rate: float, start: Path, rounds: Path) -> Path:
        """The model of a baseline at the budget of the rounds."""
        baselines = Baselines(
            setup=self.setup,
            train=self.train,
            dev=self.dev,
            warm_up=self.params.warm_up,
            lmsi=self.params.tripost_lmsi,
            demonstrations=self.params.tripost_demonstrations,
            edit=self.params.tripost_edit,
            training=self._training(rate),
            teacher=self.teacher,
            work=self.work / f"{variant}-{rate:g}",
        )
        return train_baseline(baselines, variant, base=BASE, start=start, rounds=rounds).model

    def examine(self, model: Path, split: str) -> Examined:
        """Greedy answers to the dev or test problems, with the model's own updates."""
        return examine(self.setup, "", model, self.dev if split == "dev" else self.test)

    def _training(self, rate: float, **changes: float) -> TripostTraining:
        training = self.params.tripost_training
        tuning = training.fine_tuning.model_copy(update={"learning_rate": rate, "saves": 1})
        return training.model_copy(update={**changes, "fine_tuning": tuning})

    def _edited(self, variant: str, model: Path, number: int) -> list[EditedTrajectory]:
        params, problems = self.params, {problem.id: problem for problem in self.train}
        if variant == "no_interaction":
            passes = params.tripost_collect.passes
            sampled = list(demonstrate(self.setup.task, self.train, passes, f"{self.setup.seed}-{number}"))
        else:
            chosen = window(self.train, params.tripost_collect.window, number - 1)
            sampled = collect(self.setup, model, chosen, params.tripost_collect, number=number - 1)
        editor = Editor(self.setup.task, *self.teacher, params.tripost_edit.max_updates)
        edited = edit_passes(sampled, problems, editor, params.tripost_edit.limits_of(self.setup.task.name).most)
        if variant == "no_filtering":
            edited = [_kept(result) for result in edited]
        tally = {name: int(value) for name, value in counts(len(sampled), edited).items() if value}
        print(f"  {variant}, round {number}: {tally}", flush=True)
        return edited


def _kept(result: EditedTrajectory) -> EditedTrajectory:
    """A rejected trajectory learned as the model wrote it, where it has feedback."""
    turns = result.trajectory.turns
    if result.outcome or not turns or turns[-1].feedback is None:
        return result
    return result.model_copy(update={"outcome": "unchanged", "rejected": ""})


def run(options: argparse.Namespace, params: Params, task: str, seed: int) -> dict[str, Examined]:
    """What every variant answers with one seed; with --tune a variant's name includes its learning rate."""
    split = "dev" if options.tune else "test"
    results: dict[str, Examined] = {}
    with tempfile.TemporaryDirectory() as work:
        comparison = Comparison(params, task, seed, Path(work))
        start = comparison.warm_up()
        budget: Path | None = None

        def add(name: str, model: Path, begun: float) -> None:
            results[name] = comparison.examine(model, split)
            print(
                f"seed {seed}, {task}: {name} {line(results[name].numbers)} ({time.time() - begun:.0f} s)", flush=True
            )

        add("warm_up", start, time.time())
        for variant in options.variants:
            for rate in rates_of(options, params, variant):
                begun = time.time()
                name = f"{variant} {rate:g}" if options.tune else variant
                if variant in ABLATIONS:
                    models, rounds = comparison.rounds(variant, rate, start)
                    budget = budget or rounds
                    for number, model in enumerate(models[:-1], 1):
                        if not options.tune:
                            add(f"{name}, round {number}", model, begun)
                    add(name, models[-1], begun)
                else:
                    assert budget is not None
                    add(name, comparison.baseline(variant, rate, start, budget), begun)
    return results


def rates_of(options: argparse.Namespace, params: Params, variant: str) -> Sequence[float]:
    """The learning rates of a variant: those given with --rates, with --tune RATES, else that of params.yaml."""
    given = [rate for name, rate in options.rates if name == variant]
    given = given or [rate for name, rate in options.rates if name == "tripost" and variant in ABLATIONS]
    return given or (RATES if options.tune else (params.tripost_training.fine_tuning.learning_rate,))


def line(numbers: Mapping[str, float]) -> str:
    """The accuracies in percent, and what the model's own updates contributed."""
    names = ("accuracy", "accuracy_seen", "accuracy_unseen", "contribution", "harm")
    return ", ".join(f"{name} {100 * numbers[name]:.1f}" for name in names if name in numbers)


def main() -> None:
    """Print and write accuracies and paired differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = (*ABLATIONS, *BASELINES)
    parser.add_argument("--tasks", nargs="+", help="tasks of the run (default: tripost_tasks)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--variants", nargs="+", choices=known, default=["tripost", *BASELINES], metavar="VARIANT")
    parser.add_argument("--tune", action="store_true", help="try several learning rates on dev instead of test")
    parser.add_argument("--rates", type=_rate, nargs="+", default=[], metavar="VARIANT=RATE", help="learning rates")
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/tripost_effect.json"))
    parser.add_argument("overrides", nargs="*", help="Hydra overrides of params.yaml")
    options = parser.parse_args()
    if options.variants[0] not in ABLATIONS:
        parser.error("name a variant of TriPosT first: the baselines take the steps and tokens of its rounds")
    params = parse(compose(options.overrides), "conf/")
    pooled: dict[str, dict[str, list[Examined]]] = defaultdict(lambda: defaultdict(list))
    for seed in options.seeds:
        for task in options.tasks or params.tripost_tasks:
            for name, result in run(options, params, task, seed).items():
                pooled[task][name].append(result)
            # after every task, so that an interrupted run keeps what it has finished
            write_json(options.out, summary(options, pooled))
    for pair in differences(pooled):
        low, high = 100 * pair["low"], 100 * pair["high"]
        what = f"{pair['task']}: {pair['variant']} against {pair['against']}"
        print(f"{what}: {100 * pair['difference']:+.1f} [{low:+.1f}, {high:+.1f}]")


Pooled = Mapping[str, Mapping[str, Sequence[Examined]]]
"""Results by task and variant, one for each seed."""


def differences(pooled: Pooled) -> list[dict[str, Any]]:
    """Paired differences of every variant from the warm-up model and from continued fine-tuning, over all seeds."""
    return [
        {
            "task": task,
            "variant": name,
            "against": against,
            **asdict(evaluation.compare(_all(results[against]), _all(several))),
        }
        for task, results in pooled.items()
        for against in ("warm_up", "continued")
        if against in results
        for name, several in results.items()
        if name not in (against, "warm_up") and len(several) == len(results[against])
    ]


def _all(results: Sequence[Examined]) -> list[Prediction]:
    """The predictions of all seeds, with ids that tell them apart."""
    return [
        prediction.model_copy(update={"problem_id": f"{number}/{prediction.problem_id}"})
        for number, result in enumerate(results)
        for prediction in result.predictions
    ]


def summary(options: argparse.Namespace, pooled: Pooled) -> dict[str, Any]:
    """The figures to write."""
    return {
        "seeds": options.seeds,
        "split": "dev" if options.tune else "test",
        "overrides": options.overrides,
        "rates": {variant: [rate for name, rate in options.rates if name == variant] for variant in options.variants},
        "results": {
            task: {name: [result.numbers for result in several] for name, several in results.items()}
            for task, results in pooled.items()
        },
        "pairs": differences(pooled),
        "machine": machine(),
    }


def _rate(text: str) -> tuple[str, float]:
    variant, _, rate = text.partition("=")
    return variant, float(rate)


if __name__ == "__main__":
    main()
