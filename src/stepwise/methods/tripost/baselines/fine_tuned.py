"""What TriPosT is compared with: other rows for the same model, steps, tokens and schedule (arXiv 2310.13522, 4.2).

continued       the gold solutions that the model was warmed up on, once more
lmsi            the model's own right samples, and copies of them without reasoning (Huang et al. 2022; the authors'
                version keeps right answers by the gold answer, not by majority)
demonstrations  demonstrations of self-improvement that the model has no part in
answer_only     from the base model: the answer without reasoning, in the steps of the warm-up

The first three start from the warm-up model and train as many legs as TriPosT has rounds, each with a round's steps,
tokens and schedule.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from stepwise import evaluation
from stepwise.methods.tripost.baselines.answer_only import ANSWER_ONLY, AnswerOnly, answer_example
from stepwise.methods.tripost.baselines.demonstrations import demonstrate
from stepwise.methods.tripost.replay import Mix
from stepwise.methods.tripost.roles import Improver, Verifier
from stepwise.methods.tripost.rounds.editing_round import Editor, edit_passes
from stepwise.methods.tripost.rounds.training import RoundError, make_rows, read_legs, train_like, training_setup
from stepwise.methods.tripost.setup import TripostSetup
from stepwise.params import SftParams
from stepwise.params.tripost import DemonstrationParams, EditParams, LmsiParams, TripostTraining
from stepwise.records import Example, Prediction, Problem, Span
from stepwise.tasks.base import Task, gold_examples
from stepwise.training import sft

VARIANTS = ("continued", "lmsi", "demonstrations", ANSWER_ONLY)


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """What the baselines of a task and model have in common."""

    setup: TripostSetup
    train: Sequence[Problem]
    dev: Sequence[Problem]
    warm_up: SftParams
    """How a model learns answers alone."""
    lmsi: LmsiParams
    demonstrations: DemonstrationParams
    edit: EditParams
    training: TripostTraining
    teacher: tuple[Verifier, Improver]
    """Who verifies and improves demonstrations."""
    work: Path

    def examples(self, variant: str, start: Path, journal: Path) -> list[Example]:
        """The rows that a variant learns from. Raises RoundError for an unknown variant."""
        task = self.setup.task
        if variant == "continued":
            return gold_examples(task, self.train)
        if variant == ANSWER_ONLY:
            return [answer_example(task, problem) for problem in self.train]
        if variant == "lmsi":
            return lmsi_examples(task, self.train, self._samples(start, journal), self.lmsi)
        if variant == "demonstrations":
            return [row.example for row in self._demonstrations().rows]
        raise RoundError(f"there is no baseline {variant!r}; the baselines are {', '.join(VARIANTS)}")

    def _samples(self, start: Path, journal: Path) -> list[Prediction]:
        sampling = self.setup.sampling(temperature=self.lmsi.temperature, n=self.lmsi.passes, seed=self.setup.seed)
        backend = self.setup.make_backend(start)
        return evaluation.answer(self.setup.task, backend, self.train, sampling, journal=journal)

    def _demonstrations(self) -> Mix:
        """Edited demonstrations, mixed with gold rows as a round's are."""
        params, setup = self.demonstrations, self.setup
        sampled = list(demonstrate(setup.task, self.train, params.passes, setup.seed))
        # an error put into a reference solution often leaves its answer right
        editor = Editor(setup.task, *self.teacher, self.edit.max_updates, judge_right_answers=True)
        edited = edit_passes(sampled, {problem.id: problem for problem in self.train}, editor, params.most_rows)
        return make_rows(edited, [], self.train, setup, self.training, name="demonstrations")


@dataclass(frozen=True)
class Trained:
    """The folder of a baseline's model, flat metrics, and its learning curve."""

    model: Path
    numbers: dict[str, float]
    curve: list[dict[str, float]]


def train_baseline(baselines: Baselines, variant: str, *, base: Path, start: Path, rounds: Path) -> Trained:
    """Train a variant. `rounds` is the folder of the metrics of TriPosT's rounds on the same task and model.

    LMSI on a model that gets nothing right leaves it as it is.

    Raises:
        RoundError: the variant is unknown, or no round was trained.
        TrainingError: no example fits into the model, or the loss is not a finite number.
    """
    setup, work = baselines.setup, baselines.work
    examples = baselines.examples(variant, start, work / "samples.jsonl")
    if variant == ANSWER_ONLY:
        training = training_setup(setup, baselines.warm_up, baselines.dev, number=0, work=work)
        unreasoned = replace(setup, task=cast(Task, AnswerOnly(setup.task)))
        dev = evaluation.spread(baselines.dev, baselines.warm_up.dev_examples)
        training = replace(training, evaluate=unreasoned.dev_accuracy(dev))
        epochs = setup.model_params.warmed_up(setup.task_params).warm_up_epochs
        result = sft.train(base, examples, baselines.warm_up, training, epochs=epochs)
        return Trained(training.out, _numbers([result]), result.curve)
    if not examples:
        shutil.copytree(start, work / "model", dirs_exist_ok=True)
        return Trained(work / "model", {"examples": 0.0, "steps": 0.0, "tokens": 0.0}, [])
    results: list[sft.SftResult] = []
    curve: list[dict[str, float]] = []
    for number, leg in enumerate(read_legs(rounds), 1):
        training = training_setup(
            setup, baselines.training.fine_tuning, baselines.dev, number=number, work=work / f"leg-{number}"
        )
        taken = sum(result.steps for result in results)
        results.append(train_like(leg, start, examples, baselines.training, training))
        curve += [{**row, "step": taken + row["step"]} for row in results[-1].curve]
        start = training.out
    return Trained(start, _numbers(results), curve)


def _numbers(results: Sequence[sft.SftResult]) -> dict[str, float]:
    numbers = {
        "examples": float(results[-1].examples),
        "steps": float(sum(result.steps for result in results)),
        "tokens": float(sum(result.tokens for result in results)),
        "padding_share": sum(result.padding_share for result in results) / len(results),
    }
    score = results[-1].best_score
    return numbers if score is None else {**numbers, "best_dev_score": score}


def lmsi_examples(
    task: Task, problems: Sequence[Problem], samples: Sequence[Prediction], params: LmsiParams
) -> list[Example]:
    """Each problem's different right samples, and copies that give the answer alone."""
    by_id = {problem.id: problem for problem in problems}
    texts: dict[str, dict[str, None]] = {problem.id: {} for problem in problems}
    for sample in samples:
        if sample.verdict.correct and sample.finish_reason != "length":
            texts[sample.problem_id].setdefault(sample.text.rstrip())
    examples: list[Example] = []
    for name, different in texts.items():
        problem = by_id[name]
        prompt = tuple(Span(text=piece, weight=0.0) for piece in task.prompt(problem))
        examples += [Example(id=name, spans=(*prompt, Span(text=text))) for text in different]
        if params.answer_only and different:
            examples.append(answer_example(task, problem))
    return examples
