"""Where ReFT beats continued fine-tuning, by the form of the solutions and by what is known about the questions.

A few questions have solutions, many more have only answers. All methods start from one model, warmed up on the
solutions, and take the same number of optimiser steps with the same number of sequences each; the last state is kept,
so nothing is selected on dev:

    sft           continues fine-tuning on the solutions
    reft          PPO on the same questions
    reft_more     PPO on all questions, most of which have only an answer
    offline_more  samples all questions as often as `reft_more` does, and fine-tunes on the right ones and the solutions

First try several learning rates on dev, then run the chosen ones on test:

    python -m studies.reft_effect --tune --seeds 11 --out tuning.json
    python -m studies.reft_effect --methods sft reft_more offline_more --rates sft=1e-3 reft_more=4e-4 offline_more=1e-3

Each row counts greedy answers as right, wrong, or broken (no answer; in programs nearly always an undefined name).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from stepwise import evaluation
from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.reft.baselines import budget
from stepwise.methods.reft.rewards import checked_answers
from stepwise.methods.reft.self_training import kept, portions, sample_example
from stepwise.models.loading import load_model
from stepwise.params import Params, TaskParams, load
from stepwise.params.reft import ReftParams
from stepwise.records import Example, Form, Prediction, Problem, write_json
from stepwise.rl.ppo_trainer import train as reinforce
from stepwise.rl.setup import RlSetup
from stepwise.tasks.base import example
from stepwise.tasks.registry import get_task
from stepwise.tracking.provenance import machine
from stepwise.training import sft

MODEL = Path("checkpoints/tiny")
TASK = "word_problems"
RATES = {
    "sft": (5e-4, 1e-3, 2e-3),
    "reft": (1e-4, 2e-4, 4e-4),
    "reft_more": (2e-4, 4e-4, 8e-4),
    "offline_more": (5e-4, 1e-3, 2e-3),
}
"""Learning rates that `--tune` tries; the best on dev, with a seed of its own, is the one to use on test."""


@dataclass(frozen=True)
class Setting:
    """The data and the warm-up of a comparison."""

    form: Form
    gold: int
    """Number of questions with a solution."""
    answers: int
    """Number of questions with an answer; the first `gold` of them also have a solution."""
    epochs: int
    """Epochs of the warm-up."""
    longest: int
    """Maximum number of tokens of a solution."""


SETTINGS = {
    "formula": Setting("formula", gold=100, answers=2000, epochs=4, longest=60),
    "n_cot": Setting("n_cot", gold=400, answers=2000, epochs=4, longest=160),
    "p_cot": Setting("p_cot", gold=400, answers=2000, epochs=5, longest=160),
}


class Comparison:
    """One setting with one seed, which decides the problems, their order and the samples."""

    def __init__(self, setting: Setting, params: Params, seed: int, work: Path, reft: ReftParams) -> None:
        """Generate the problems; nothing is trained yet."""
        self.setting, self.params, self.seed, self.work = setting, params, seed, work
        self.of_task = TaskParams(form=setting.form, train=setting.answers, dev=400, max_new_tokens=setting.longest)
        self.task = get_task(TASK, self.of_task, seed=seed)
        self.problems = self.task.load("train").problems
        self.gold = self.problems[: setting.gold]
        self.reft = reft

    def warm_up(self) -> Path:
        """Train the model from which all methods start."""
        tuning = self.params.warm_up.model_copy(update={"saves": 1})
        examples = [example(self.task, problem) for problem in self.gold]
        self._fit("warm_up", MODEL, examples, tuning, epochs=self.setting.epochs)
        return self.work / "warm_up"

    def train(self, method: str, start: Path, rate: float) -> Path:
        """Train a method at a learning rate; returns the folder of its model."""
        name = f"{method}-{rate:g}"
        if method.startswith("reft"):
            questions = self.problems if method == "reft_more" else self.gold
            self._reinforce(name, start, questions, rate)
        else:
            examples = [example(self.task, problem) for problem in self.gold]
            if method == "offline_more":
                examples += self._right_samples(start)
            tuning = self.params.self_training.fine_tuning.model_copy(
                update={"learning_rate": rate, "batch_examples": self.reft.prompts, "saves": 1}
            )
            self._fit(name, start, examples, tuning, steps=self.reft.steps * self.reft.inner_epochs)
        return self.work / name

    def answers(self, model: Path, split: str) -> list[Prediction]:
        """Greedy answers to the dev or test problems."""
        problems = self.task.load("dev" if split == "dev" else "test").problems
        return self.answer(model, problems, Sampling(max_new_tokens=self.setting.longest, stop=self.task.stop))

    def _fit(self, name: str, start: Path, examples: Sequence[Example], tuning: Any, **length: Any) -> None:
        setup = sft.TrainSetup(seed=self.seed, work=self.work / f"{name}-training", out=self.work / name)
        sft.train(start, examples, tuning, setup, **length)

    def _reinforce(self, name: str, start: Path, questions: Sequence[Problem], rate: float) -> None:
        by_id = {problem.id: problem for problem in questions}
        params = self.reft.model_copy(update={"learning_rate": rate})
        reinforce(
            start, {key: self.task.prompt(problem) for key, problem in by_id.items()},
            checked_answers(self.task, by_id, params.partial_reward), params,
            RlSetup(
                seed=self.seed, work=self.work / f"{name}-training", out=self.work / name,
                max_new_tokens=self.setting.longest, stop=self.task.stop,
            ),
        )  # fmt: skip

    def _right_samples(self, start: Path) -> list[Example]:
        """Training texts from the right samples of all questions, from as many completions as ReFT draws."""
        drawn = budget(self.reft, len(self.problems), self.seed).completions
        samples: dict[str, list[Prediction]] = defaultdict(list)
        for problems, count in portions(self.problems, drawn, self.seed):
            sampling = Sampling(
                max_new_tokens=self.setting.longest, stop=self.task.stop, n=count, temperature=1.0, seed=self.seed
            )
            for sample in self.answer(start, problems, sampling):
                samples[sample.problem_id].append(sample)
        solved = {problem.id: problem.reference.text for problem in self.gold if problem.reference}
        return [
            sample_example(self.task, problem, sample.text, ended=sample.finish_reason != "length")
            for problem in self.problems
            for sample in kept(samples[problem.id], solved.get(problem.id, ""), self.params.self_training, self.seed)
        ]

    def answer(self, model: Path, problems: Sequence[Problem], sampling: Sampling) -> list[Prediction]:
        """Checked completions of the given problems."""
        backend = TransformersBackend(*load_model(model), batch_tokens=self.params.backend.batch_tokens)
        return evaluation.answer(self.task, backend, problems, sampling)


def shares(predictions: Sequence[Prediction]) -> dict[str, float]:
    """The shares of right, wrong and broken answers, and of right answers by bin."""
    count = len(predictions)
    right = sum(prediction.verdict.correct for prediction in predictions)
    broken = sum(prediction.verdict.answer is None for prediction in predictions)
    result = {"right": right / count, "wrong": (count - right - broken) / count, "broken": broken / count}
    for name in sorted({prediction.bin for prediction in predictions if prediction.bin}):
        members = [prediction for prediction in predictions if prediction.bin == name]
        result[f"right_{name}"] = sum(prediction.verdict.correct for prediction in members) / len(members)
    return result


def run(options: argparse.Namespace, seed: int, params: Params) -> dict[str, list[Prediction]]:
    """Every method's answers with one seed; with --tune a method's name includes its learning rate."""
    split, rates = ("dev" if options.tune else "test"), rates_of(options)
    answers: dict[str, list[Prediction]] = {}
    reft = ReftParams(
        steps=options.steps, prompts=options.prompts, inner_epochs=options.inner_epochs, batch_tokens=16384,
        gae_lambda=1.0, value_coefficient=0.0, saves=1,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as work:
        comparison = Comparison(setting_of(options), params, seed, Path(work), reft)
        start = comparison.warm_up()
        answers["warm_up"] = comparison.answers(start, split)
        for method in options.methods:
            for rate in rates[method]:
                begun = time.perf_counter()
                name = f"{method} {rate:g}" if options.tune else method
                answers[name] = comparison.answers(comparison.train(method, start, rate), split)
                right = evaluation.accuracy(answers[name])
                print(f"seed {seed}: {name} {100 * right:.1f} % ({time.perf_counter() - begun:.0f} s)", flush=True)
    return {
        name: [row.model_copy(update={"problem_id": f"{seed}/{row.problem_id}"}) for row in predictions]
        for name, predictions in answers.items()
    }


def setting_of(options: argparse.Namespace) -> Setting:
    """The setting of the form, with the number of epochs from the command line if there is one."""
    setting = SETTINGS[options.form]
    return replace(setting, epochs=options.epochs or setting.epochs)


def rates_of(options: argparse.Namespace) -> dict[str, list[float]]:
    """The learning rates of each method: those given with --rates, otherwise with --tune those of RATES."""
    rates: dict[str, list[float]] = defaultdict(list)
    for method, rate in options.rates:
        rates[method].append(rate)
    if options.tune:
        rates = {method: rates.get(method, list(RATES[method])) for method in options.methods}
    return rates


def main() -> None:
    """Print and write accuracies and paired differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", choices=sorted(SETTINGS), default="formula")
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--methods", nargs="+", choices=sorted(RATES), default=list(RATES))
    parser.add_argument(
        "--steps", type=int, default=30, help="steps of ReFT; the others take equally many optimiser steps"
    )
    parser.add_argument("--prompts", type=int, default=64, help="sequences in a step")
    parser.add_argument(
        "--inner-epochs", type=int, default=2, help="optimiser steps of ReFT on the samples of each step"
    )
    parser.add_argument("--epochs", type=int, help="epochs of the warm-up, instead of the setting's")
    parser.add_argument(
        "--tune", action="store_true", help="try several learning rates on dev instead of running on test"
    )
    parser.add_argument("--rates", type=_rate, nargs="+", default=[], metavar="METHOD=RATE", help="learning rates")
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/reft_effect.json"))
    options = parser.parse_args()
    without_rate = sorted(set(options.methods) - set(rates_of(options)))
    if without_rate:
        parser.error(
            f"no learning rate for {', '.join(without_rate)}: pass --rates METHOD=RATE or try several with --tune"
        )
    params = load()
    pooled: dict[str, list[Prediction]] = defaultdict(list)
    for number, seed in enumerate(options.seeds, 1):
        for name, predictions in run(options, seed, params).items():
            pooled[name] += predictions
        # after every seed, so that an interrupted run keeps the seeds it has finished
        write_json(options.out, summary(options, options.seeds[:number], pooled))
    for pair in differences(pooled):
        low, high = 100 * pair["low"], 100 * pair["high"]
        print(f"{pair['method']} against {pair['against']}: {100 * pair['difference']:+.1f} [{low:+.1f}, {high:+.1f}]")


def differences(pooled: Mapping[str, Sequence[Prediction]]) -> list[dict[str, Any]]:
    """Paired differences of every method from the warm-up and from continued fine-tuning."""
    return [
        {"method": name, "against": against, **asdict(evaluation.compare(pooled[against], pooled[name]))}
        for against in ("warm_up", "sft") if against in pooled
        for name in pooled if name not in (against, "warm_up")
    ]  # fmt: skip


def summary(
    options: argparse.Namespace, seeds: Sequence[int], pooled: Mapping[str, Sequence[Prediction]]
) -> dict[str, Any]:
    """The figures to write."""
    return {
        "setting": asdict(setting_of(options)),
        "seeds": list(seeds),
        "split": "dev" if options.tune else "test",
        "steps": options.steps,
        "prompts": options.prompts,
        "inner_epochs": options.inner_epochs,
        "rates": rates_of(options),
        "answers": {name: shares(predictions) for name, predictions in pooled.items()},
        "pairs": differences(pooled),
        "machine": machine(),
    }


def _rate(text: str) -> tuple[str, float]:
    method, _, rate = text.partition("=")
    return method, float(rate)


if __name__ == "__main__":
    main()
