"""REFINER on a task: what its stages have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwise import evaluation
from stepwise.generation import make_backend
from stepwise.generation.base import Backend, Sampling
from stepwise.methods.refiner.domains.base import Domain
from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.methods.refiner.refinement import solved_by_turn
from stepwise.params import BackendParams, ModelParams, Params, TaskParams
from stepwise.records import Problem
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task
from stepwise.training.sft import TrainSetup


@dataclass(frozen=True, kw_only=True)
class RefinerSetup:
    """A task with its domain, and a base model."""

    task: Task
    domain: Domain
    task_params: TaskParams
    model_params: ModelParams
    backend: BackendParams
    seed: int

    @classmethod
    def load(cls, params: Params, task: str, model: str) -> RefinerSetup:
        """From the parameters of a stage. Raises ParamsError for a task that REFINER has no feedback for."""
        task_params = params.limits.cap(params.task[task])
        return cls(
            task=get_task(task, task_params, seed=params.seed),
            domain=domain_of(task),
            task_params=task_params,
            model_params=params.model[model],
            backend=params.backend,
            seed=params.seed,
        )

    def make_backend(self, model: Path) -> Backend:
        """A backend over a trained model, or over the servers that the parameters name."""

        def load() -> tuple[Any, Any]:
            from stepwise.models.loading import load_model

            return load_model(model, self.model_params.dtype)

        return make_backend(self.backend, load=load)

    def live_backend(self, model: Any, tokenizer: Any) -> Backend:
        """A backend over a model that is being trained."""
        from stepwise.generation.transformers_backend import TransformersBackend

        return TransformersBackend(model, tokenizer, batch_tokens=self.backend.batch_tokens)

    def sampling(self, **changes: float) -> Sampling:
        """Greedy sampling of an attempt, with changes."""
        return Sampling(max_new_tokens=self.task_params.max_new_tokens, stop=self.task.stop, **changes)  # type: ignore[arg-type]

    def training(self, work: Path, evaluate: Callable[[Any, Any], float]) -> TrainSetup:
        """How a model is trained below `work`, which also takes the model; the best state by `evaluate` is kept."""
        return TrainSetup(
            seed=self.seed,
            work=work / "training",
            out=work / "model",
            evaluate=evaluate,
            learning_rate_scale=self.model_params.learning_rate_scale,
            dtype=self.model_params.dtype,
        )

    def dev_solved(self, dev: Sequence[Problem], limit: int, *, turns: int = 1) -> Callable[[Any, Any], float]:
        """A function (model, tokenizer) -> share of dev problems whose z is right after `turns` turns with the oracle.

        The first turn is an attempt without feedback. At most `limit` problems are asked, evenly spaced.
        """
        problems = evaluation.spread([problem for problem in dev if problem.reference is not None], limit)

        def score(model: Any, tokenizer: Any) -> float:
            backend = self.live_backend(model, tokenizer)
            return solved_by_turn(self.task, self.domain, backend, problems, self.sampling(), turns=turns)[-1]

        return score
