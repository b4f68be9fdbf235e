"""Learning rates of ReFT and of its baselines, equally many for each, with the budget of params.yaml.

All methods start from one warm-up model, whose seed differs from the committed run's. Each is trained exactly as its
stage trains it, which keeps the best state on the stage's dev problems, and is then evaluated (greedy) on 400 further
dev problems.

    python -m studies.reft_rates
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from stepwise import evaluation
from stepwise.generation.base import Sampling
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.reft.baselines import Baseline
from stepwise.methods.reft.train import TaskSetup, train_on_task
from stepwise.models.loading import load_model
from stepwise.params import Params, load
from stepwise.records import write_json
from stepwise.tasks.base import example
from stepwise.tasks.registry import get_task
from stepwise.tracking.provenance import machine
from stepwise.training import sft

TASK, MODEL = "word_problems", Path("checkpoints/tiny")
FURTHER = 400
"""Number of dev problems that no method has selected its state on."""
RATES = {
    "reft": (1e-5, 2e-5, 5e-5, 1e-4),
    "sft": (2e-4, 5e-4, 1e-3, 2e-3),
    "offline": (2e-4, 5e-4, 1e-3, 2e-3),
    "online": (1e-4, 3e-4, 6e-4, 1e-3),
}


class Trials:
    """One seed: its problems, its warm-up model, and the methods that start from it."""

    def __init__(self, params: Params, seed: int, work: Path) -> None:
        """Generate the problems and train the warm-up model."""
        self.params, self.seed, self.work = params, seed, work
        of_task = params.task[TASK]
        self.of_task = of_task.model_copy(update={"dev": of_task.dev + FURTHER})
        self.task = get_task(TASK, self.of_task, seed=seed)
        self.train, dev = (self.task.load(split).problems for split in ("train", "dev"))
        self.dev, self.further = dev[: of_task.dev], dev[of_task.dev :]
        self.start = work / "warm_up"
        examples = [example(self.task, problem) for problem in self.train]
        sft.train(
            MODEL, examples, params.warm_up,
            sft.TrainSetup(seed=seed, work=work / "warm_up-training", out=self.start), epochs=of_task.warm_up_epochs,
        )  # fmt: skip

    def accuracy(self, model: Path) -> float:
        """Share of the further dev problems whose greedy answer is right."""
        backend = TransformersBackend(*load_model(model), batch_tokens=self.params.backend.batch_tokens)
        greedy = Sampling(max_new_tokens=self.of_task.max_new_tokens, stop=self.task.stop)
        return evaluation.accuracy(evaluation.answer(self.task, backend, self.further, greedy))

    def accuracy_at(self, method: str, rate: float) -> float:
        """Accuracy of a method trained at a learning rate."""
        params, out = self.params, self.work / f"{method}-{rate:g}"
        setup = TaskSetup(
            task=self.task, train=self.train, dev=self.dev, task_params=self.of_task,
            model_params=params.model["tiny"], backend=params.backend, seed=self.seed,
            work=self.work / f"{out.name}-work", out=out,
        )  # fmt: skip
        if method == "reft":
            reft = params.reft.model_copy(update={"learning_rate": rate})
            train_on_task(setup, reft, self.start)
        else:
            tuning = params.self_training.fine_tuning.model_copy(update={"learning_rate": rate})
            changed = {"fine_tuning": tuning, "online_learning_rate": rate}
            settings = params.self_training.model_copy(update=changed)
            Baseline(setup, self.start, MODEL, params.reft, settings).run(method)
        return self.accuracy(out)


def main() -> None:
    """Print and write an accuracy per learning rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--methods", nargs="+", choices=sorted(RATES), default=list(RATES))
    parser.add_argument("--out", type=Path, default=Path("studies/metrics/reft_rates.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        trials = Trials(load(), options.seed, Path(work))
        result: dict[str, Any] = {"seed": options.seed, "dev_problems": FURTHER, "machine": machine()}
        result |= {"warm_up": trials.accuracy(trials.start), "trials": []}
        print(f"warm_up {100 * result['warm_up']:.1f} %", flush=True)
        for method, rate in [(name, rate) for name in options.methods for rate in RATES[name]]:
            begun = time.perf_counter()
            accuracy = trials.accuracy_at(method, rate)
            print(f"{method} {rate:g}: {100 * accuracy:.1f} % ({time.perf_counter() - begun:.0f} s)", flush=True)
            result["trials"].append({"method": method, "learning_rate": rate, "dev_accuracy": accuracy})
            write_json(options.out, result)  # after every trial, so that an interrupted run keeps its trials


if __name__ == "__main__":
    main()
