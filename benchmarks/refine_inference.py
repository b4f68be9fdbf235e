"""Problems a second of REFINER's inference: all problems together against one at a time (chapter: REFINER).

One at a time, the generator writes an attempt, the critic comments on it and the generator revises it, each with a
call of transformers' `generate` for a batch of one. Ours is what `refiner_evaluate` does; `by one` is ours, given the
problems one by one. All get the same models, problems, prompts and limits, and `same` counts equal conversations: all
attempts and all feedback. The two slow ways get only `--alone` of the problems, evenly spaced.

Without `--critic`, the shipped model is first trained to be one, for an epoch and outside the times.

    STEPWISE_CLOCK=cpu python -m benchmarks.refine_inference --out FILE
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.inference import add_options, build, now, report
from stepwise import evaluation
from stepwise.generation.transformers_backend import TransformersBackend
from stepwise.methods.refiner.answering import Pair
from stepwise.methods.refiner.critic import CriticData, train_critic
from stepwise.methods.refiner.dialogue import Conversation
from stepwise.methods.refiner.feedback import NO_FAULT
from stepwise.methods.refiner.perturbation import perturbed, split
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.methods.refiner.texts import critic_prompt, revision_prompt
from stepwise.models.loading import load_model
from stepwise.params import Params, load
from stepwise.records import Problem, Prompt
from stepwise.tokens import encode

TASK, BASE, MODEL = "word_problems_formula", "tiny-t5", "checkpoints/tiny-t5"
Talk = tuple[tuple[str, str | None], ...]
"""Attempts, each with its feedback."""


class PlainModel:
    """A model that is asked with transformers' `generate`, one prompt at a time."""

    def __init__(self, model: Any, tokenizer: Any, max_new_tokens: int) -> None:
        self.model, self.tokenizer, self.max_new_tokens = model, tokenizer, max_new_tokens
        self.calls = 0

    def ask(self, prompt: Prompt) -> str:
        """The first line of the greedy completion."""
        self.calls += 1
        ids = torch.tensor([encode(self.tokenizer, prompt)])
        with torch.inference_mode():
            sequences = self.model.generate(input_ids=ids, do_sample=False, max_new_tokens=self.max_new_tokens)
        text: str = self.tokenizer.decode(sequences[0], skip_special_tokens=True)
        return text.partition("\n")[0].strip()


@dataclass(frozen=True)
class PlainPair:
    """Generator and critic in turns, problem by problem."""

    setup: RefinerSetup
    generator: PlainModel
    critic: PlainModel
    updates: int

    def converse(self, problems: Sequence[Problem]) -> list[Talk]:
        """What both write about each problem."""
        return [self.about(self.setup.task.prompt(problem)) for problem in problems]

    def about(self, prompt: Prompt) -> Talk:
        """Attempts and feedback until nothing is wrong, nothing changes, or the last revision."""
        talk: list[tuple[str, str | None]] = []
        request = prompt
        while True:
            attempt = self.generator.ask(request)
            feedback = None
            if len(talk) < self.updates:
                feedback = self.critic.ask(critic_prompt(prompt, self.setup.domain.judged(attempt)))
            talk.append((attempt, feedback))
            stalled = len(talk) > 1 and talk[-1] == talk[-2]
            if feedback is None or feedback == NO_FAULT or stalled:
                return tuple(talk)
            request = revision_prompt(prompt, attempt, feedback)


def train_a_critic(setup: RefinerSetup, params: Params, work: Path) -> Path:
    """A critic after an epoch on perturbed solutions of the training problems."""
    train, dev = (setup.task.load(name).problems for name in ("train", "dev"))
    parts = split(train, params.refiner_perturb.held_out, setup.seed)
    rows, held_out = (perturbed(setup.domain, part, params.refiner_perturb, setup.seed) for part in parts)
    data = CriticData(train=train, dev=evaluation.spread(dev, 10), rows=rows, held_out=evaluation.spread(held_out, 50))
    tuning = params.refiner_critic.fine_tuning.model_copy(update={"evaluations": 1, "saves": 1, "dev_examples": 50})
    once = params.refiner_critic.model_copy(update={"epochs": 1, "own_samples": 0, "fine_tuning": tuning})
    train_critic(setup, Path(MODEL), Path(MODEL), data, once, work)
    return work / "model"


def written(conversation: Conversation) -> Talk:
    """What both have written."""
    return tuple((attempt.text, attempt.feedback) for attempt in conversation.attempts)


def main() -> None:
    """Print a table and, with --out, write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.set_defaults(model=MODEL, repeats=3)
    parser.add_argument("--critic", type=Path, help="folder of a trained critic")
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--alone", type=int, default=100)
    options = parser.parse_args()
    if not Path(options.model).is_dir():
        parser.error(f"{options.model} does not exist; name the folder of a generator, or {MODEL}")
    model, tokenizer = build(options, [])
    if not model.config.is_encoder_decoder:
        parser.error(f"{options.model} is decoder-only, and the plain side asks encoder-decoders")
    params = load()
    stories = params.task[TASK].model_copy(update={"test": options.items})
    params = params.model_copy(update={"task": {**params.task, TASK: stories}})
    setup = RefinerSetup.load(params, TASK, BASE)
    with tempfile.TemporaryDirectory() as work:
        critic = load_model(options.critic or train_a_critic(setup, params, Path(work)), options.dtype)
    measure(options, setup, params, (model, tokenizer), critic)


def measure(
    options: argparse.Namespace,
    setup: RefinerSetup,
    params: Params,
    generator: tuple[Any, Any],
    critic: tuple[Any, Any],
) -> None:
    """Time all ways of answering the test problems."""
    limits = setup.task_params.max_new_tokens, params.refiner_critic.feedback_tokens
    plain = PlainPair(
        setup, PlainModel(*generator, limits[0]), PlainModel(*critic, limits[1]), params.refiner_evaluate.updates
    )
    backends = [TransformersBackend(*pair, batch_tokens=setup.backend.batch_tokens) for pair in (generator, critic)]
    pair = Pair(
        setup=setup,
        params=params.refiner_evaluate,
        critic="trained",
        feedback_tokens=limits[1],
        generator=backends[0],
        critic_backend=backends[1],
    )
    problems = setup.task.load("test").problems[: options.items]
    alone = evaluation.spread(problems, options.alone)
    ways: dict[str, tuple[Callable[[Sequence[Problem]], list[Talk]], list[Problem]]] = {
        "one at a time": (plain.converse, alone),
        "by one": (lambda chosen: [written(talk) for each in chosen for talk in pair.converse([each])], alone),
        "stepwise": (lambda chosen: list(map(written, pair.converse(chosen))), problems),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    talks: dict[str, dict[str, Talk]] = {}
    for turn in range(options.repeats + 1):
        for name, (converse, share) in ways.items():
            chosen = share if turn else share[:2]  # the first turn is short and warms up
            begun = now()
            result = converse(chosen)
            seconds = now() - begun
            talks[name] = {problem.id: talk for problem, talk in zip(chosen, result, strict=True)}
            rates[name] += [len(chosen) / seconds] if turn else []
    whole = list(talks["stepwise"].values())
    comments = [feedback for talk in whole for _, feedback in talk if feedback is not None]
    figures = {
        "clock": os.environ.get("STEPWISE_CLOCK", "wall"),
        "task": TASK,
        "critic": str(options.critic) if options.critic else "an epoch",
        "items": {name: len(share) for name, (_, share) in ways.items()},
        "updates": plain.updates,
        "attempts": sum(map(len, whole)),
        "comments": len(comments),
        "nothing_wrong": sum(comment == NO_FAULT for comment in comments),
    }
    same = {
        name: f"{sum(talks['stepwise'][key] == talk for key, talk in talks[name].items())}/{len(talks[name])}"
        for name in ways
        if name != "stepwise"
    }
    report(options, "items/s", rates, "stepwise", figures, same)


if __name__ == "__main__":
    main()
