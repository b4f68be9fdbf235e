"""ReFT on a task: what every stage that trains a policy with it does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwise import evaluation
from stepwise.methods.reft.rewards import checked_answers
from stepwise.params import BackendParams, ModelParams, Params, TaskParams
from stepwise.params.reft import ReftParams
from stepwise.records import Problem, read_jsonl
from stepwise.rl.algorithms import get_algorithm
from stepwise.rl.setup import RlResult, RlSetup
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task


@dataclass(frozen=True, kw_only=True)
class TaskSetup:
    """A task, a base model and where a run works: what ReFT and the baselines it is compared with have in common."""

    task: Task
    train: Sequence[Problem]
    dev: Sequence[Problem]
    task_params: TaskParams
    model_params: ModelParams
    backend: BackendParams
    seed: int
    work: Path
    out: Path
    """Where the best state by dev is written."""

    @classmethod
    def load(cls, params: Params, task: str, model: str, data: Path, *, work: Path) -> TaskSetup:
        """From the parameters of a stage and the folder of its task's problems; the model is written below `work`."""
        task_params = params.limits.cap(params.task[task])
        return cls(
            task=get_task(task, task_params, seed=params.seed),
            train=read_jsonl(data / "train.jsonl", Problem),
            dev=read_jsonl(data / "dev.jsonl", Problem),
            task_params=task_params,
            model_params=params.model[model],
            backend=params.backend,
            seed=params.seed,
            work=work,
            out=work / "model",
        )

    def rl_setup(self, dev_examples: int) -> RlSetup:
        """How a policy is trained on the task; so many dev problems choose the state that is kept."""
        return RlSetup(
            seed=self.seed,
            work=self.work / "training",
            out=self.out,
            evaluate=evaluation.dev_accuracy(
                self.task,
                evaluation.spread(self.dev, dev_examples),
                self.task_params.max_new_tokens,
                self.backend.batch_tokens,
            ),
            learning_rate_scale=self.model_params.learning_rate_scale,
            dtype=self.model_params.dtype,
            max_new_tokens=self.task_params.max_new_tokens,
            stop=self.task.stop,
            generation_tokens=self.backend.batch_tokens,
        )


def train_on_task(setup: TaskSetup, params: ReftParams, warm_up: Path) -> RlResult:
    """Train the model in `warm_up` on the training problems by the reward of its checked answers.

    Raises:
        TrainingError: no prompt fits, or the loss is not a finite number.
    """
    problems = {problem.id: problem for problem in setup.train}
    return get_algorithm(params.algorithm)(
        warm_up,
        {name: setup.task.prompt(problem) for name, problem in problems.items()},
        checked_answers(setup.task, problems, params.partial_reward),
        params,
        setup.rl_setup(params.dev_examples),
    )
