"""What all training runs share: numbered steps, a learning curve, evaluations, and checkpoints to resume from."""

from __future__ import annotations

import hashlib
import signal
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.errors import StepwiseError
from stepwise.models.loading import Dtype
from stepwise.progress import Progress
from stepwise.training.accelerator import make_accelerator
from stepwise.training.checkpoints import Checkpoints, TrainState

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Evaluate = Callable[["PreTrainedModel", "PreTrainedTokenizerBase"], float]
"""Score of a model on dev, higher is better; a pure function of the weights."""


class TrainingError(StepwiseError, RuntimeError):
    """A training run that cannot start or continue; the message names the cause and the remedy."""


@dataclass(frozen=True, kw_only=True)
class TrainSetup:
    """How a run trains and where it writes, whatever it learns."""

    seed: int
    """Decides order, samples, dropout and the first weights of adapters."""
    work: Path
    """Folder for checkpoints; a killed run that is started again with the same arguments resumes from them."""
    out: Path
    """Folder for the trained model, written whole or not at all."""
    evaluate: Evaluate | None = None
    """Chooses the state that is kept; without it the last one is."""
    learning_rate_scale: float = 1.0
    """The base model's factor on the learning rate."""
    dtype: Dtype = "float32"
    """Of the weights."""


class ResumableRun(ABC):
    """A run of `total` steps. A subclass says what a step does and which `module` learns.

    The step must be a pure function of its number, the module's and the optimiser's state, and `state.extra`.
    """

    total: int
    module: Any
    """Holds all trainable parameters; when `run` is over, the best ones."""
    optimizer: Any

    def __init__(self, *, work: Path, evaluations: int, saves: int, rows: int, deepspeed: str | None = None) -> None:
        """Evaluations, saves and rows of the curve are counts over the whole run; `work` takes the checkpoints."""
        self.work, self.evaluations, self.saves, self.rows = work, evaluations, saves, rows
        self.accelerator = make_accelerator(deepspeed)
        self.resumable = deepspeed is None
        self.state = TrainState("")
        self.speed = 0.0
        work.mkdir(parents=True, exist_ok=True)

    @cached_property
    def checkpoints(self) -> Checkpoints:
        """The run's checkpoints in `work`."""
        return Checkpoints(self.work, self.module, self.optimizer, writes=self.accelerator.is_main_process)

    @abstractmethod
    def _step(self, number: int) -> dict[str, float]:
        """One step, 1..total. Returns its metrics; a row of the curve has their means over its steps."""

    @abstractmethod
    def _score(self) -> float | None:
        """The dev score of the module as it is now; None if nothing is evaluated."""

    def _last_step_metrics(self, number: int) -> dict[str, float]:  # noqa: ARG002 - subclasses may need it
        """What a row says of its last step alone."""
        return {}

    @abstractmethod
    def _progress(self, done: int) -> Progress:
        """A progress report of which `done` steps are finished."""

    @abstractmethod
    def _tokens(self, number: int) -> int:
        """Size of a step, in the unit of the progress report."""

    @abstractmethod
    def _export(self, out: Path) -> None:
        """Write the module as a plain model, with adapters merged."""

    def run_and_export(self, fingerprint: str, out: Path) -> TrainState:
        """Run, write the best state to `out`, and wait until it is there for every process."""
        state = self.run(fingerprint)
        if self.accelerator.is_main_process:
            self._export(out)
        self.accelerator.wait_for_everyone()
        return state

    def run(self, fingerprint: str) -> TrainState:
        """Take the remaining steps and load the best state into the module."""
        self.state = state = self.checkpoints.restore(fingerprint) if self.resumable else TrainState(fingerprint)
        evaluations, saves = points(self.total, self.evaluations), points(self.total, self.saves)
        rows = points(self.total, self.rows) | evaluations
        progress = self._progress(state.step)
        with soft_stop() as stopping:
            for number in range(state.step + 1, self.total + 1):
                metrics = self._step(number)
                state.step = number
                state.pending.append(metrics)
                progress.add(1, self._tokens(number), **dict(list(metrics.items())[:3]))
                if number in rows:
                    self._add_row(evaluated=number in evaluations)
                if self.resumable and (number in saves or stopping.is_set()):
                    self.checkpoints.save(state)
                if stopping.is_set():
                    raise SystemExit(128 + signal.SIGTERM)
        self.speed = progress.speed()
        self.checkpoints.load_best(state)
        return state

    def _add_row(self, *, evaluated: bool) -> None:
        """Add a row to the curve, with the dev score where it is `evaluated`; the best weights are kept."""
        state = self.state
        row: dict[str, float] = {"step": state.step, **mean_of(state.pending), **self._last_step_metrics(state.step)}
        state.pending.clear()
        score = self._score() if evaluated else None
        if score is not None:
            row["dev_score"] = score
            self.checkpoints.keep_if_best(state, score)
        state.curve.append(row)


def fingerprint(*parts: object) -> str:
    """Hash of everything that decides a run, each part by its `repr`."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part!r}\n".encode())
    return digest.hexdigest()


def mean_of(rows: list[dict[str, float]]) -> dict[str, float]:
    """Means of the numbers by name, each over the rows that have it."""
    names = dict.fromkeys(name for row in rows for name in row)
    values = {name: [row[name] for row in rows if name in row] for name in names}
    return {name: sum(numbers) / len(numbers) for name, numbers in values.items()}


def points(total: int, count: int) -> set[int]:
    """At most `count` evenly spaced steps in 1..total; the last one is always among them."""
    return {max(1, round(total * number / count)) for number in range(1, count + 1)}


@contextmanager
def soft_stop() -> Iterator[threading.Event]:
    """Within the block SIGTERM sets the event instead of ending the process, so that the current step can finish."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return
    before = signal.signal(signal.SIGTERM, lambda *_: event.set())
    try:
        yield event
    finally:
        signal.signal(signal.SIGTERM, before)
