"""What the command line, the report, the pipeline and the studies ask of a method, so that they name none."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stepwise.params import Params
from stepwise.report import Chapter, Sources


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

    def chapter(self, params: Params, sources: Sources) -> Chapter | None:  # noqa: ARG002
        """The method's part of the report."""
        return None

    def variants(self, params: Params) -> Sequence[Variants]:  # noqa: ARG002
        """Predictions beside those in evaluations/METHOD/TASK-MODEL, which every method has."""
        return ()

    def without_demonstrations(self, params: Params) -> Sequence[str]:  # noqa: ARG002
        """Hydra overrides that leave out the parts of a run that are too small to conclude from."""
        return ()
