"""What the command line, the report, the pipeline and the studies ask of a method, so that they name none."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stepwise import evaluation
from stepwise.generation.base import Backend, Sampling
from stepwise.models.card import Card
from stepwise.params import Params
from stepwise.records import Prediction, Problem
from stepwise.report import Chapter, Sources
from stepwise.tasks.base import Task


@dataclass(frozen=True)
class Variants:
    """Several ways in which a method solved the same problems, compared with one another."""

    task: str
    model: str
    """What stands in the model's column of tables."""
    folder: Path
    """Below evaluations/: one file of predictions for each way."""
    baselines: tuple[str, ...]
    """The ways that every other is compared with."""


@dataclass(frozen=True)
class Answer:
    """A model's answer to a problem."""

    text: str
    """What the task reads."""
    transcript: str = ""
    """All that the model wrote on the way to it, where that is more."""


@dataclass(frozen=True)
class Answering:
    """How a model answers: it completes the task's prompt, unless a method's models have another way."""

    task: Task

    def answer(self, problems: Sequence[Problem], backend: Backend, sampling: Sampling) -> list[Answer]:
        """An answer to each problem, in order."""
        completions = backend.generate([self.task.prompt(problem) for problem in problems], sampling)
        return [Answer(samples[0].text) for samples in completions]

    def examine(
        self, problems: Sequence[Problem], backend: Backend, sampling: Sampling
    ) -> tuple[list[Prediction], dict[str, float]]:
        """Checked answers, and the flat metrics of an evaluation. Raises EvaluationError if there are no problems."""
        predictions = evaluation.answer(self.task, backend, problems, sampling)
        return predictions, evaluation.summarise(predictions)


class AddCommand(Protocol):
    """Adds a command to `python -m stepwise`."""

    def __call__(
        self, name: str, run: Callable[[argparse.Namespace], None], text: str, example: str
    ) -> argparse.ArgumentParser:
        """The command's parser, to which its arguments are added; `run` carries the command out."""


class Method:
    """A method as others see it. Importing it must not import torch.

    A method overrides what it has something to say about; `registry.METHODS` has one of each.
    """

    chapter_params: tuple[str, ...] = ()
    """The keys of params.yaml that its chapter reads; the report declares them."""

    def check(self, params: Params) -> None:
        """Check that the run makes everything this method's stages start from.

        Raises ParamsError naming the key and the remedy.
        """

    def add_commands(self, add: AddCommand) -> None:
        """Add the method's commands to the command line."""

    def answering(self, card: Card, task: Task) -> Answering | None:  # noqa: ARG002
        """How the model with this card answers problems of a task; None if it is not one of this method's ways."""
        return None

    def chapter(self, params: Params, sources: Sources) -> Chapter | None:  # noqa: ARG002
        """The method's part of the report."""
        return None

    def comparisons(self, params: Params) -> Sequence[tuple[str, str]]:  # noqa: ARG002
        """Pairs of evaluated methods, each with what it is compared with, besides the baselines of all methods."""
        return ()

    def agents(self, params: Params) -> Sequence[str]:  # noqa: ARG002
        """Models that are evaluated besides the base models, as they stand in the model's column of tables."""
        return ()

    def variants(self, params: Params) -> Sequence[Variants]:  # noqa: ARG002
        """Predictions beside those in evaluations/METHOD/TASK-MODEL, which every method has."""
        return ()

    def without_demonstrations(self, params: Params) -> Sequence[str]:  # noqa: ARG002
        """Hydra overrides that leave out the parts of a run that are too small to conclude from."""
        return ()
