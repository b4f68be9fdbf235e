"""Problems a second of an epoch of REFINER's training, against the released code's order of work (chapter: REFINER).

The generator learns from each problem in 3 turns, with 3 samples before each later turn. Plain takes 8 problems at a
time. In every turn it computes the loss on a batch padded to its longest row, pads included, keeps the graph, and
samples with transformers' `generate` until the slowest row has ended; it does so after the last turn too, where nobody
reads the samples. The last sample of each problem goes on to the next turn, and one pass backward goes through all
turns. Ours is what `refiner_train_generator` does, with the attempts of the epoch sampled at once. Both sides get the
same model, prompts, oracle, limits, sampling and optimiser. Plain gets only `--plain` of the problems, evenly spaced:
its time is proportional to their number.

`stepwise` learns from every different wrong attempt, as the stage does. `same rows` learns from one attempt a turn,
right or wrong, as plain does, so it shows what the order of work alone is worth. Most of our time is the arithmetic
of training, which plain needs as well: `ceiling` is how many times faster than plain we would be if sampling were free.

    STEPWISE_CLOCK=cpu python -m benchmarks.refine_epoch --out FILE
"""

from __future__ import annotations

import argparse
import copy
import os
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.inference import add_options, build, now, report
from stepwise import evaluation
from stepwise.methods.refiner.generator_loop import GeneratorLoop, Plan
from stepwise.methods.refiner.refinement import Revision
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.methods.refiner.texts import revision_prompt
from stepwise.params import load
from stepwise.params.refiner import RefinerTraining
from stepwise.records import Problem, Prompt
from stepwise.tasks.base import gold_examples
from stepwise.tokens import encode_many
from stepwise.training.batching import plan_steps
from stepwise.training.encoding import encode_for
from stepwise.training.optimizers import make_optimizer
from stepwise.training.resumable_run import TrainSetup

TASK, BASE, MODEL = "word_problems_formula", "tiny-t5", "checkpoints/tiny-t5"
TURNS, SAMPLES, BATCH = 3, 3, 8
WAYS: dict[str, dict[str, Any]] = {
    "plain": {},
    "same rows": {"exploration": "random", "skip_solved": False},
    "stepwise": {},
}
"""What each way changes in the parameters of training."""


class Epoch:
    """What a pass over the problems took, and how much it did."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.counts: dict[str, int] = defaultdict(int)

    def lap(self, part: str, begun: float) -> float:
        """Count the time since `begun` towards a part; the time now."""
        time = now()
        self.seconds[part] += time - begun
        return time

    @property
    def total(self) -> float:
        """Seconds of all parts."""
        return sum(self.seconds.values())


class Plain:
    """The released order of work."""

    def __init__(self, model: Any, tokenizer: Any, setup: RefinerSetup, params: RefinerTraining) -> None:
        self.model, self.tokenizer, self.setup, self.params = model.train(), tokenizer, setup, params
        tuning = params.fine_tuning
        self.optimizer = make_optimizer(model, tuning.optimizer, tuning.weight_decay)
        for group in self.optimizer.param_groups:
            group["lr"] = tuning.learning_rate
        self.epoch = Epoch()

    def step(self, problems: Sequence[Problem]) -> None:
        """All turns of a batch, and one update."""
        task, counts = self.setup.task, self.epoch.counts
        golds = [problem.reference.text for problem in problems if problem.reference is not None]
        targets = [[*ids, self.tokenizer.eos_token_id] for ids in encode_many(self.tokenizer, [[z] for z in golds])]
        labels, _ = self.padded(targets)
        prompts = [task.prompt(problem) for problem in problems]
        begun, loss = now(), torch.zeros(())
        for _ in range(self.params.turns):
            ids, mask = self.padded(encode_many(self.tokenizer, prompts))
            loss = loss + self.model(input_ids=ids, attention_mask=mask, labels=labels).loss
            begun = self.epoch.lap("training", begun)
            samples = self.sample(ids, mask)
            begun = self.epoch.lap("sampling", begun)
            prompts = [
                self.chosen(problem, samples[SAMPLES * row : SAMPLES * (row + 1)])
                for row, problem in enumerate(problems)
            ]
            begun = self.epoch.lap("oracle", begun)
            counts["rows"] += len(problems)
            counts["attempts"] += len(samples)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.params.fine_tuning.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.epoch.lap("training", begun)

    def sample(self, ids: torch.Tensor, mask: torch.Tensor) -> list[str]:
        """SAMPLES texts for each row."""
        with torch.no_grad():
            sequences = self.model.generate(
                input_ids=ids, attention_mask=mask, do_sample=True, num_return_sequences=SAMPLES,
                temperature=self.params.temperature, top_p=self.params.top_p, top_k=self.params.top_k,
                max_new_tokens=self.setup.task_params.max_new_tokens,
            )  # fmt: skip
        self.epoch.counts["attempt_tokens"] += int((sequences[:, 1:] != self.tokenizer.pad_token_id).sum())
        return [self.tokenizer.decode(row, skip_special_tokens=True) for row in sequences.tolist()]

    def chosen(self, problem: Problem, samples: Sequence[str]) -> Prompt:
        """The next turn's prompt: the oracle comments on every sample, and the last one goes on."""
        domain = self.setup.domain
        feedbacks = [domain.templates.render(domain.oracle(problem, text)) for text in samples]
        return revision_prompt(self.setup.task.prompt(problem), samples[-1], feedbacks[-1])

    def padded(self, rows: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """Token ids [rows, longest], padded on the right, and the mask of real tokens."""
        longest, pad = max(map(len, rows)), self.tokenizer.pad_token_id
        ids = torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])
        return ids, torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])


class TimedLoop(GeneratorLoop):
    """Our loop, with the time that it takes to sample and criticise; the rest is training."""

    sampling = 0.0

    def _explore(self, problems: Sequence[Problem], start: int) -> list[Revision]:
        begun = now()
        revisions = super()._explore(problems, start)
        self.sampling += now() - begun
        return revisions


def plain(model: Any, tokenizer: Any, setup: RefinerSetup, params: RefinerTraining, problems: list[Problem]) -> Epoch:
    """An epoch in the released order."""
    trained = Plain(copy.deepcopy(model), tokenizer, setup, params)
    for step in plan_steps(len(problems), epochs=1, batch=BATCH, seed=setup.seed):
        trained.step([problems[index] for index in step])
    return trained.epoch


def ours(model: Any, tokenizer: Any, setup: RefinerSetup, params: RefinerTraining, problems: list[Problem]) -> Epoch:
    """An epoch of the stage's loop."""
    encoded, _ = encode_for(model, tokenizer, gold_examples(setup.task, problems), params.fine_tuning.max_length)
    order = plan_steps(len(problems), epochs=1, batch=BATCH, seed=setup.seed)
    steps = [[problems[index] for index in step] for step in order]
    epoch = Epoch()
    with tempfile.TemporaryDirectory() as work:
        plan = Plan(steps, {example.id: example for example in encoded}, params, Path(work) / "attempts")
        training = TrainSetup(seed=setup.seed, work=Path(work), out=Path(work) / "model")
        loop = TimedLoop(copy.deepcopy(model), tokenizer, setup, plan, training)
        begun = now()
        state = loop.run("benchmark")
        whole = now() - begun
    epoch.seconds |= {"sampling": loop.sampling, "training": whole - loop.sampling}
    epoch.counts |= {name: int(state.extra[name]) for name in ("rows", "attempts", "attempt_tokens")}
    return epoch


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.set_defaults(model=MODEL, repeats=3)
    parser.add_argument("--items", type=int, default=400)
    parser.add_argument("--plain", type=int, default=64)
    options = parser.parse_args()
    if not Path(options.model).is_dir():
        parser.error(f"{options.model} does not exist; name the folder of a warm start, or {MODEL}")
    setup = RefinerSetup.load(load(), TASK, BASE)
    problems = setup.task.load("train").problems[: options.items]
    model, tokenizer = build(options, [])
    if not model.config.is_encoder_decoder:
        parser.error(f"{options.model} is decoder-only, and the plain side trains encoder-decoders")
    params = load().refiner_train
    tuning = params.fine_tuning.model_copy(update={"batch_examples": BATCH, "saves": 1})
    params = params.model_copy(update={"turns": TURNS, "samples": SAMPLES, "window": 0, "fine_tuning": tuning})
    items = {name: problems for name in WAYS} | {"plain": evaluation.spread(problems, options.plain)}
    epochs: dict[str, list[Epoch]] = defaultdict(list)
    for turn in range(options.repeats + 1):
        for name, changes in WAYS.items():
            chosen = items[name] if turn else problems[: 2 * BATCH]  # the first turn is short and warms up
            variant = plain if name == "plain" else ours
            epoch = variant(model, tokenizer, setup, params.model_copy(update=changes), chosen)
            epochs[name] += [epoch] if turn else []
    seconds = {name: medians(runs) for name, runs in epochs.items()}
    per_item = {name: sum(parts.values()) / len(items[name]) for name, parts in seconds.items()}
    figures = {
        "clock": os.environ.get("STEPWISE_CLOCK", "wall"),
        "task": TASK,
        "items": {name: len(items[name]) for name in epochs},
        "turns": TURNS,
        "samples": SAMPLES,
        "seconds": seconds,
        "ceiling": round(per_item["plain"] / (seconds["stepwise"]["training"] / len(problems)), 2),
        **{
            part: {name: runs[-1].counts[part] for name, runs in epochs.items()}
            for part in ("rows", "attempts", "attempt_tokens")
        },
    }
    rates = {name: [len(items[name]) / epoch.total for epoch in runs] for name, runs in epochs.items()}
    report(options, "items/s", rates, "stepwise", figures, {})


def medians(runs: Sequence[Epoch]) -> dict[str, float]:
    """Seconds of each part; that of sampling is with the oracle, except on the plain side."""
    return {part: round(statistics.median(run.seconds[part] for run in runs), 3) for part in runs[0].seconds}


if __name__ == "__main__":
    main()
