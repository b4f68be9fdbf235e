"""Where ReFT beats fine-tuning that goes on, by the form of solutions and by what is known of the questions.

A few questions have solutions, many have answers. From one warm-up model on the solutions, at equal optimiser steps and
equal sequences a step, with the last state kept (nothing is chosen on the way):

    sft           goes on with the solutions
    reft          PPO on the same questions
    reft_more     PPO on all questions, answers only but for those few
    offline_more  as many samples of all questions as `reft_more` draws; the right ones are learned with the solutions

Several rates on dev, then the chosen ones on test:

    python -m studies.reft_effect --form formula --tune --seeds 11 --out FILE
    python -m studies.reft_effect --form formula --methods sft --rates sft=1e-3 --seeds 21 22 23 --out FILE

Rows say what greedy answers are: right, wrong, or broken (no answer: in programs nearly always an undefined name).
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
from stepwise.rl.train import train as reinforce
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
"""Rates that were tried, three a method; the best one on dev of another seed was taken."""


@dataclass(frozen=True)
class Setting:
    """What a comparison starts from."""

    form: Form
    gold: int
    """Questions with a solution."""
    answers: int
    """Questions with an answer; the first `gold` of them are those with a solution."""
    epochs: int
    """Of the warm-up."""
    longest: int
    """Most tokens of a solution."""


SETTINGS = {
    "formula": Setting("formula", gold=100, answers=2000, epochs=4, longest=60),
    "n_cot": Setting("n_cot", gold=400, answers=2000, epochs=4, longest=160),
    "p_cot": Setting("p_cot", gold=400, answers=2000, epochs=5, longest=160),
}


class Comparison:
    """One setting with one seed, which decides problems, order and samples."""

    def __init__(self, setting: Setting, params: Params, seed: int, work: Path, reft: ReftParams) -> None:
        """Make the problems; nothing is trained yet."""
        self.setting, self.params, self.seed, self.work = setting, params, seed, work
        self.of_task = TaskParams(form=setting.form, train=setting.answers, dev=400, max_new_tokens=setting.longest)
        self.task = get_task(TASK, self.of_task, seed=seed)
        self.problems = self.task.load("train").problems
        self.gold = self.problems[: setting.gold]
        self.reft = reft

    def warm_up(self) -> Path:
        """The start of all methods."""
        tuning = self.params.warm_up.model_copy(update={"saves": 1})
        examples = [example(self.task, one) for one in self.gold]
        self._fit("warm_up", MODEL, examples, tuning, epochs=self.setting.epochs)
        return self.work / "warm_up"

    def train(self, method: str, start: Path, rate: float) -> Path:
        """The model of a method at a learning rate."""
        name = f"{method}-{rate:g}"
        if method.startswith("reft"):
            questions = self.problems if method == "reft_more" else self.gold
            self._reinforce(name, start, questions, rate)
        else:
            examples = [example(self.task, one) for one in self.gold]
            if method == "offline_more":
                examples += self._right_samples(start)
            tuning = self.params.self_training.fine_tuning.model_copy(
                update={"learning_rate": rate, "batch_examples": self.reft.prompts, "saves": 1}
            )
            self._fit(name, start, examples, tuning, steps=self.reft.steps * self.reft.inner_epochs)
        return self.work / name

    def answers(self, model: Path, split: str) -> list[Prediction]:
        """Greedy answers to `dev` or `test`."""
        problems = self.task.load("dev" if split == "dev" else "test").problems
        return self.answer(model, problems, Sampling(max_new_tokens=self.setting.longest, stop=self.task.stop))

    def _fit(self, name: str, start: Path, examples: Sequence[Example], tuning: Any, **length: Any) -> None:
        work = self.work / f"{name}-training"
        sft.train(start, examples, tuning, seed=self.seed, work=work, out=self.work / name, **length)

    def _reinforce(self, name: str, start: Path, questions: Sequence[Problem], rate: float) -> None:
        known = {one.id: one for one in questions}
        params = self.reft.model_copy(update={"learning_rate": rate})
        reinforce(
            start, {key: self.task.prompt(one) for key, one in known.items()},
            checked_answers(self.task, known, params.partial_reward), params,
            max_new_tokens=self.setting.longest, stop=self.task.stop, seed=self.seed,
            work=self.work / f"{name}-training", out=self.work / name,
        )  # fmt: skip

    def _right_samples(self, start: Path) -> list[Example]:
        """Right samples of all questions as training texts, from as many completions as ReFT draws."""
        drawn = budget(self.reft, len(self.problems), self.seed).completions
        found: dict[str, list[Prediction]] = defaultdict(list)
        for problems, count in portions(self.problems, drawn, self.seed):
            how = Sampling(
                max_new_tokens=self.setting.longest, stop=self.task.stop, n=count, temperature=1.0, seed=self.seed
            )
            for one in self.answer(start, problems, how):
                found[one.problem_id].append(one)
        solved = {one.id: one.reference.text for one in self.gold if one.reference}
        return [
            sample_example(self.task, problem, one.text, ended=one.finish_reason != "length")
            for problem in self.problems
            for one in kept(found[problem.id], solved.get(problem.id, ""), self.params.self_training, self.seed)
        ]

    def answer(self, model: Path, problems: Sequence[Problem], how: Sampling) -> list[Prediction]:
        """Checked completions of some problems."""
        backend = TransformersBackend(*load_model(model), batch_tokens=self.params.backend.batch_tokens)
        return evaluation.answer(self.task, backend, problems, how)


def shares(predictions: Sequence[Prediction]) -> dict[str, float]:
    """Shares of right, wrong and broken answers, and of right ones by bin."""
    count = len(predictions)
    right = sum(one.verdict.correct for one in predictions)
    broken = sum(one.verdict.answer is None for one in predictions)
    found = {"right": right / count, "wrong": (count - right - broken) / count, "broken": broken / count}
    for name in sorted({one.bin for one in predictions if one.bin}):
        members = [one for one in predictions if one.bin == name]
        found[f"right_{name}"] = sum(one.verdict.correct for one in members) / len(members)
    return found


def run(options: argparse.Namespace, seed: int, params: Params) -> dict[str, list[Prediction]]:
    """Every method's answers with one seed; their names carry the rate where several are tried."""
    split, rates = ("dev" if options.tune else "test"), rates_of(options)
    found: dict[str, list[Prediction]] = {}
    reft = ReftParams(
        steps=options.steps, prompts=options.prompts, inner_epochs=options.inner_epochs, batch_tokens=16384,
        gae_lambda=1.0, value_coefficient=0.0, saves=1,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as work:
        one = Comparison(setting_of(options), params, seed, Path(work), reft)
        start = one.warm_up()
        found["warm_up"] = one.answers(start, split)
        for method in options.methods:
            for rate in rates[method]:
                begun = time.perf_counter()
                name = f"{method} {rate:g}" if options.tune else method
                found[name] = one.answers(one.train(method, start, rate), split)
                right = evaluation.accuracy(found[name])
                print(f"seed {seed}: {name} {100 * right:.1f} % ({time.perf_counter() - begun:.0f} s)", flush=True)
    return {
        name: [each.model_copy(update={"problem_id": f"{seed}/{each.problem_id}"}) for each in several]
        for name, several in found.items()
    }


def setting_of(options: argparse.Namespace) -> Setting:
    """The form's setting, with the epochs asked for."""
    setting = SETTINGS[options.form]
    return replace(setting, epochs=options.epochs or setting.epochs)


def rates_of(options: argparse.Namespace) -> dict[str, list[float]]:
    """The learning rates of each method: those given, else with --tune those of RATES."""
    found: dict[str, list[float]] = defaultdict(list)
    for method, rate in options.rates:
        found[method].append(rate)
    if options.tune:
        found = {method: found.get(method, list(RATES[method])) for method in options.methods}
    return found


def main() -> None:
    """Print accuracies and paired differences and, with --out, write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--form", choices=sorted(SETTINGS), default="formula")
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--methods", nargs="+", choices=sorted(RATES), default=list(RATES))
    parser.add_argument("--steps", type=int, default=30, help="steps of ReFT; the others take as many optimiser steps")
    parser.add_argument("--prompts", type=int, default=64, help="sequences a step")
    parser.add_argument("--inner-epochs", type=int, default=2, help="optimiser steps of ReFT on each step's samples")
    parser.add_argument("--epochs", type=int, help="of the warm-up, instead of the setting's")
    parser.add_argument("--tune", action="store_true", help="several rates on dev instead of the chosen ones on test")
    parser.add_argument(
        "--rates", type=_rate, nargs="+", default=[], metavar="METHOD=RATE", help="instead of those tried"
    )
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    options = parser.parse_args()
    without = sorted(set(options.methods) - set(rates_of(options)))
    if without:
        parser.error(f"no learning rate for {', '.join(without)}: give --rates METHOD=RATE, or try several with --tune")
    params = load()
    pooled: dict[str, list[Prediction]] = defaultdict(list)
    for number, seed in enumerate(options.seeds, 1):
        for name, several in run(options, seed, params).items():
            pooled[name] += several
        if options.out:  # after every seed, so that a run that is stopped leaves what it has
            write_json(options.out, summary(options, options.seeds[:number], pooled))
    for pair in differences(pooled):
        low, high = 100 * pair["low"], 100 * pair["high"]
        print(f"{pair['method']} against {pair['against']}: {100 * pair['difference']:+.1f} [{low:+.1f}, {high:+.1f}]")


def differences(pooled: Mapping[str, Sequence[Prediction]]) -> list[dict[str, Any]]:
    """Paired differences of every method from the start and from fine-tuning that goes on."""
    return [
        {"method": name, "against": against, **asdict(evaluation.compare(pooled[against], pooled[name]))}
        for against in ("warm_up", "sft") if against in pooled
        for name in pooled if name not in (against, "warm_up")
    ]  # fmt: skip


def summary(
    options: argparse.Namespace, seeds: Sequence[int], pooled: Mapping[str, Sequence[Prediction]]
) -> dict[str, Any]:
    """What is written down."""
    return {
        "setting": asdict(setting_of(options)),
        "seeds": list(seeds),
        "split": "dev" if options.tune else "test",
        "steps": options.steps,
        "prompts": options.prompts,
        "inner_epochs": options.inner_epochs,
        "rates": rates_of(options),
        "answers": {name: shares(several) for name, several in pooled.items()},
        "pairs": differences(pooled),
        "machine": machine(),
    }


def _rate(text: str) -> tuple[str, float]:
    method, _, rate = text.partition("=")
    return method, float(rate)


if __name__ == "__main__":
    main()
