"""Where REFINER beats continued fine-tuning on the gold solutions, and what its critic and its parts contribute.

Runs REFINER's chapter of the pipeline with other seeds, which decide the problems, their order and every sample. All
variants start from one warm-up model, and all of them answer with one trained critic, with the oracle and alone.
Continued fine-tuning takes as many optimiser steps, with as many tokens a step and the same schedule. First try several
learning rates on dev, then run the chosen ones on test:

    python -m studies.refiner_effect --tune --seeds 11 --out tuning.json
    python -m studies.refiner_effect --seeds 21 22 23 --rates refiner=5e-4 continued=5e-4

Words after `--` are Hydra overrides of params.yaml. Variants are `refiner`, `continued`, and REFINER with a part
changed: random (a random attempt of a turn instead of all), lora, and noise_25, noise_50, noise_75 (that share of the
oracle's feedback in training is about another error; section 5 of the paper). With --noise, the oracle's feedback at
inference is as noisy.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from stepwise import evaluation
from stepwise.generation.base import Backend
from stepwise.methods.refiner.answering import Pair, critic_backend
from stepwise.methods.refiner.critic import CriticData, cases, judge_critic, train_critic
from stepwise.methods.refiner.examining import Examined
from stepwise.methods.refiner.generator import Budget, continued, warm_start
from stepwise.methods.refiner.generator_loop import train_generator
from stepwise.methods.refiner.perturbation import critic_rows, split
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.params import LoraParams, Params, parse
from stepwise.params.compose import compose
from stepwise.params.refiner import CriticKind, RefinerTraining
from stepwise.records import Prediction, write_json
from stepwise.tracking.provenance import machine

VARIANTS: dict[str, dict[str, Any]] = {
    "refiner": {},
    "continued": {},
    "random": {"exploration": "random"},
    "lora": {},
    "noise_25": {"noise": 0.25},
    "noise_50": {"noise": 0.5},
    "noise_75": {"noise": 0.75},
}
"""What a variant changes in the parameters of training."""
LORA = LoraParams(rank=8, alpha=32, dropout=0.1, targets=["q", "v"])
RATES = (2.5e-4, 5e-4, 1e-3)
"""Learning rates that `--tune` tries for every variant."""
Numbers = dict[str, float]
CRITICS: tuple[CriticKind, ...] = get_args(CriticKind)


class Comparison:
    """REFINER and what it is compared with, on one task with one seed."""

    def __init__(self, params: Params, task: str, seed: int, model: str, work: Path, *, tuning: bool = False) -> None:
        """Load the problems; nothing is trained yet."""
        self.params = params.model_copy(update={"seed": seed})
        self.setup = RefinerSetup.load(self.params, task, model)
        self.train, self.dev, self.test = (self.setup.task.load(name).problems for name in ("train", "dev", "test"))
        self.base, self.work, self.tuning = Path("checkpoints") / model, work, tuning
        self.budget: Budget | None = None

    @cached_property
    def warm(self) -> Path:
        """The generator that all variants start from."""
        work = self.work / "warm_start"
        warm_start(self.setup, self.base, self.train, self.dev, self.params.refiner_warm_start, work)
        return work / "model"

    @cached_property
    def critic(self) -> tuple[Backend, dict[str, float]]:
        """The trained critic, and how often it names the faults of held-out training problems and of test problems."""
        perturbing = self.params.refiner_perturb
        learned, held_out = split(self.train, perturbing.held_out, self.setup.seed)
        rows, judged = (
            critic_rows(self.setup.domain, part, perturbing, self.setup.seed) for part in (learned, held_out)
        )
        data = CriticData(train=self.train, dev=self.dev, rows=rows, held_out=judged)
        work = self.work / "critic"
        trained = train_critic(self.setup, self.base, self.warm, data, self.params.refiner_critic, work)
        backend = critic_backend(self.setup, work / "model")
        if self.tuning:
            return backend, trained.numbers
        learned_cases = cases(self.train, rows)
        solved = [problem for problem in self.test if problem.reference is not None]
        test_cases = evaluation.spread(
            cases(solved, critic_rows(self.setup.domain, solved, perturbing, self.setup.seed)),
            self.params.refiner_evaluate.critic_rows,
        )
        judged_on_test = judge_critic(self.setup, backend, test_cases, learned_cases, self.params.refiner_critic)
        return backend, {**trained.numbers, **judged_on_test, "rows": trained.numbers["rows"]}

    def generator(self, variant: str, rate: float) -> Path:
        """Train a variant. Continued fine-tuning takes the budget of the variant that was trained first."""
        work, training = self.work / f"{variant}-{rate:g}", self._training(variant, rate)
        if variant == "continued":
            assert self.budget is not None
            continued(self.setup, self.warm, self.train, self.dev, training, self.budget, work)
            return work / "model"
        numbers = train_generator(self.setup, self.warm, self.train, self.dev, training, work).numbers
        self.budget = self.budget or Budget(int(numbers["steps"]), int(numbers["tokens"]))
        return work / "model"

    def examine(self, model: Path, critic: CriticKind) -> Examined:
        """Greedy answers to the dev or test problems, revised with a critic's feedback."""
        pair = Pair(
            setup=self.setup,
            params=self.params.refiner_evaluate,
            critic=critic,
            feedback_tokens=self.params.refiner_critic.feedback_tokens,
            generator=self.setup.make_backend(model),
            critic_backend=self.critic[0] if critic == "trained" else None,
        )
        return pair.examine(self.dev if self.tuning else self.test)

    def _training(self, variant: str, rate: float) -> RefinerTraining:
        training = self.params.refiner_train
        tuning = training.fine_tuning.model_copy(update={"learning_rate": rate, "saves": 1})
        if variant == "lora":
            tuning = tuning.model_copy(update={"lora": LORA})
        return training.model_copy(update={**VARIANTS[variant], "fine_tuning": tuning})


def run(options: argparse.Namespace, params: Params, task: str, seed: int) -> tuple[dict[str, Examined], Numbers]:
    """What every variant answers with one seed, by variant, rate if tuning, and critic; and the critic's figures."""
    results: dict[str, Examined] = {}
    critic_numbers: Numbers = {}
    with tempfile.TemporaryDirectory() as work:
        comparison = Comparison(params, task, seed, options.model, Path(work), tuning=options.tune)

        def add(name: str, model: Path) -> None:
            for critic in options.critics:
                label = name if critic == "none" else f"{name}, {critic}"
                results[label] = comparison.examine(model, critic)
                print(f"seed {seed}, {task}: {label} {line(results[label].numbers)}", flush=True)

        add("warm_start", comparison.warm)
        if "trained" in options.critics:
            critic_numbers = comparison.critic[1]
            shown = {name: round(value, 3) for name, value in critic_numbers.items()}
            print(f"seed {seed}, {task}: critic {shown}", flush=True)
        for variant in options.variants:
            for rate in rates_of(options, params, variant):
                begun = time.time()
                model = comparison.generator(variant, rate)
                print(f"seed {seed}, {task}: {variant} {rate:g} trained in {time.time() - begun:.0f} s", flush=True)
                add(f"{variant} {rate:g}" if options.tune else variant, model)
    return results, critic_numbers


def rates_of(options: argparse.Namespace, params: Params, variant: str) -> Sequence[float]:
    """The learning rates of a variant: those given with --rates, with --tune RATES, else that of params.yaml."""
    given = [rate for name, rate in options.rates if name == variant]
    return given or (RATES if options.tune else (params.refiner_train.fine_tuning.learning_rate,))


def line(numbers: Mapping[str, float]) -> str:
    """The accuracies of y and z in percent, and how much revisions save and spoil."""
    names = ("accuracy", "z_equivalent", "z_exact", "contribution", "harm", "feedback_accuracy")
    return ", ".join(f"{name} {100 * numbers[name]:.1f}" for name in names if name in numbers)


def main() -> None:
    """Print and write accuracies and paired differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", help="tasks of the run (default: refiner_tasks)")
    parser.add_argument("--model", default="tiny-t5", help="a shipped base model")
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["refiner", "continued"], metavar="VARIANT")
    parser.add_argument("--critics", nargs="+", choices=CRITICS, default=["none", "trained", "oracle"])
    parser.add_argument("--noise", type=float, default=0.0, help="of the oracle's feedback at inference")
    parser.add_argument("--tune", action="store_true", help="try several learning rates on dev instead of test")
    parser.add_argument("--rates", type=_rate, nargs="+", default=[], metavar="VARIANT=RATE", help="learning rates")
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/refiner_effect.json"))
    parser.add_argument("overrides", nargs="*", help="Hydra overrides of params.yaml")
    options = parser.parse_args()
    if options.variants[0] == "continued":
        parser.error("name a variant of REFINER before `continued`, which takes the steps and tokens of the first")
    params = parse(compose([*options.overrides, f"refiner_evaluate.noise={options.noise}"]), "conf/")
    pooled: dict[str, dict[str, list[Examined]]] = defaultdict(lambda: defaultdict(list))
    critics: dict[str, list[Numbers]] = defaultdict(list)
    for seed in options.seeds:
        for task in options.tasks or params.refiner_tasks:
            results, critic_numbers = run(options, params, task, seed)
            for name, result in results.items():
                pooled[task][name].append(result)
            if critic_numbers:
                critics[task].append(critic_numbers)
            # after every task, so that an interrupted run keeps what it has finished
            write_json(options.out, summary(options, pooled, critics))
    for pair in differences(pooled):
        low, high = 100 * pair["low"], 100 * pair["high"]
        what = f"{pair['task']}, {pair['of']}: {pair['variant']} against {pair['against']}"
        print(f"{what}: {100 * pair['difference']:+.1f} [{low:+.1f}, {high:+.1f}]")


Pooled = Mapping[str, Mapping[str, Sequence[Examined]]]
"""Results by task and name, one for each seed."""


def differences(pooled: Pooled) -> list[dict[str, Any]]:
    """Paired differences of y and z over all seeds: from warm start, continued fine-tuning and trained critic."""
    pairs: list[dict[str, Any]] = []
    for task, results in pooled.items():
        for name, several in results.items():
            partner = name.replace(", oracle", ", trained")
            for against in dict.fromkeys(("warm_start", "continued", partner)):
                others = results.get(against, ())
                if against == name or name == "warm_start" or len(several) != len(others):
                    continue
                for of in ("y", "z"):
                    difference = evaluation.compare(_all(others, of), _all(several, of))
                    pairs.append({"task": task, "of": of, "variant": name, "against": against, **asdict(difference)})
    return pairs


def _all(results: Sequence[Examined], of: str) -> list[Prediction]:
    """The predictions of all seeds, with ids that tell them apart."""
    return [
        prediction.model_copy(update={"problem_id": f"{number}/{prediction.problem_id}"})
        for number, result in enumerate(results)
        for prediction in (result.predictions if of == "y" else result.exact)
    ]


def summary(options: argparse.Namespace, pooled: Pooled, critics: Mapping[str, Sequence[Numbers]]) -> dict[str, Any]:
    """The figures to write."""
    return {
        "seeds": options.seeds,
        "split": "dev" if options.tune else "test",
        "model": options.model,
        "overrides": options.overrides,
        "noise_at_inference": options.noise,
        "rates": {variant: [rate for name, rate in options.rates if name == variant] for variant in options.variants},
        "results": {
            task: {name: [result.numbers for result in several] for name, several in results.items()}
            for task, results in pooled.items()
        },
        "critics": critics,
        "pairs": differences(pooled),
        "machine": machine(),
    }


def _rate(text: str) -> tuple[str, float]:
    variant, _, rate = text.partition("=")
    return variant, float(rate)


if __name__ == "__main__":
    main()
