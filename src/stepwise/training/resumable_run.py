"""What every training run shares: numbered steps, a curve, evaluations, checkpoints, going on where it was killed."""

from __future__ import annotations

import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.errors import StepwiseError
from stepwise.training import checkpoints
from stepwise.training.accelerator import make_accelerator
from stepwise.training.checkpoints import Standing
from stepwise.training.progress import Progress

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Evaluate = Callable[["PreTrainedModel", "PreTrainedTokenizerBase"], float]
"""Score of a model on dev, higher is better; a pure function of the weights."""


class TrainingError(StepwiseError, RuntimeError):
    """A training run that cannot start or go on; the message names the cause and the remedy."""


class Course(ABC):
    """A run of `total` steps. A kind of training says what a step does; what learns is `module`.

    The step must be a pure function of its number, the module's and the optimiser's state and `standing.extra`.
    """

    total: int
    module: Any
    """Holds all trainable parameters, and the best ones when `run` is over."""
    optimizer: Any

    def __init__(self, *, work: Path, evaluations: int, saves: int, rows: int, deepspeed: str | None = None) -> None:
        """Evaluations, saves and rows of the curve are counts over the run; `work` takes the checkpoints."""
        self.work, self.evaluations, self.saves, self.rows = work, evaluations, saves, rows
        self.accelerator = make_accelerator(deepspeed)
        self.resumable = deepspeed is None
        self.standing = Standing("")
        self.speed = 0.0
        work.mkdir(parents=True, exist_ok=True)

    @abstractmethod
    def _step(self, number: int) -> dict[str, float]:
        """One step, 1..total; what of it goes into the curve (as a mean over the steps of a row)."""

    @abstractmethod
    def _score(self) -> float | None:
        """The dev score of the module as it is now, or None where nothing is evaluated."""

    def _facts(self, number: int) -> dict[str, float]:  # noqa: ARG002 - a kind of training may need it
        """What a row says of its last step alone."""
        return {}

    @abstractmethod
    def _progress(self, done: int) -> Progress:
        """What says how far the run is, `done` steps being done."""

    @abstractmethod
    def _tokens(self, number: int) -> int:
        """Size of a step as the progress counts it."""

    def run(self, fingerprint: str) -> Standing:
        """Do all steps that are left and load the best state into the module."""
        found = checkpoints.restore(self.work, fingerprint, self.module, self.optimizer) if self.resumable else None
        self.standing = standing = found or Standing(fingerprint)
        evaluations, saves = points(self.total, self.evaluations), points(self.total, self.saves)
        rows = points(self.total, self.rows) | evaluations
        progress = self._progress(standing.step)
        with soft_stop() as stopping:
            for number in range(standing.step + 1, self.total + 1):
                figures = self._step(number)
                standing.step = number
                standing.pending.append(figures)
                progress.advance(number, self._tokens(number), **dict(list(figures.items())[:3]))
                if number in rows:
                    self._note(scored=number in evaluations)
                if number in saves or stopping.is_set():
                    self._save()
                if stopping.is_set():
                    raise SystemExit(128 + signal.SIGTERM)
        progress.close()
        self.speed = progress.speed()
        if standing.best_step is not None:
            checkpoints.load_weights(self.module, self._best(standing.best_step))
        return standing

    def _note(self, *, scored: bool) -> None:
        """Add a row to the curve; where dev is read, keep the state if it is the best so far (the later of equals)."""
        standing = self.standing
        row: dict[str, float] = {"step": standing.step, **mean_of(standing.pending), **self._facts(standing.step)}
        standing.pending.clear()
        score = self._score() if scored else None
        if score is not None:
            row["dev_score"] = score
            if standing.best_score is None or score >= standing.best_score:
                standing.best_step, standing.best_score = standing.step, score
                if self.accelerator.is_main_process:
                    checkpoints.save_weights(self.module, self._best(standing.step))
        standing.curve.append(row)

    def _save(self) -> None:
        standing = self.standing
        if self.accelerator.is_main_process and self.resumable:
            checkpoints.save(self.work, standing, self.module, self.optimizer)
            for path in self.work.glob("best-*.safetensors"):
                if standing.best_step is None or path != self._best(standing.best_step):
                    path.unlink()

    def _best(self, step: int) -> Path:
        return self.work / f"best-{step:07d}.safetensors"


def mean_of(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means of the numbers by name, each over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    values = {name: [row[name] for row in rows if name in row] for name in names}
    return {name: sum(several) / len(several) for name, several in values.items()}


def points(total: int, count: int) -> set[int]:
    """At most `count` evenly spaced steps in 1..total; the last is always among them."""
    return {max(1, round(total * number / count)) for number in range(1, count + 1)}


@contextmanager
def soft_stop() -> Iterator[threading.Event]:
    """Within the block SIGTERM sets the event instead of ending the process, so that a step can be finished."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.signal(signal.SIGTERM, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGTERM, before)
