"""Models that RATIONALYST is compared with: RATIONALYST trained on other notes, and the agent trained on its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stepwise.evaluation import dev_accuracy, spread
from stepwise.methods.rationalyst.training.train import TrainingJob, train
from stepwise.methods.rationalyst.training.training_data import NotedDocuments
from stepwise.params import SftParams
from stepwise.params.rationalyst import RationalystAblation, RationalystTrainingParams
from stepwise.records import Document, Problem, read_jsonl
from stepwise.tasks.base import Task, gold_examples
from stepwise.training import sft
from stepwise.training.resumable_run import TrainingError


@dataclass(frozen=True)
class Agent:
    """The agent, and its training on the problems of a task."""

    model: Path
    task: Task
    data: Path
    """Folder of the task's problems."""
    params: SftParams
    new_tokens: int
    """Longest answer when dev problems are solved."""


def train_variant(
    variant: RationalystAblation,
    data: NotedDocuments,
    training: RationalystTrainingParams,
    *,
    base: Path,
    agent: Agent,
    job: TrainingJob,
) -> dict[str, float]:
    """Train the variant from `base`, or the agent if the variant says so, into `job.out`; returns its numbers.

    The agent trains further on the solutions that notes were mined from, for as many epochs as RATIONALYST trains on
    the notes (the paper's comparison with fine-tuning on matching training sets), and its best state by dev is kept.

    Raises TrainingDataError or TrainingError if nothing is left to learn.
    """
    if not variant.agent:
        return train(base, data, variant.applied_to(training), job).numbers
    result, rows = _train_agent(agent, data.documents, job)
    numbers: dict[str, float] = {"rows": rows, "steps": result.steps}
    if result.best_score is not None:
        numbers["dev_score"] = result.best_score
    return numbers


def _train_agent(agent: Agent, documents: Sequence[Document], job: TrainingJob) -> tuple[sft.SftResult, int]:
    """Fine-tune the agent on the training problems that were mined. Returns the result and the number of problems."""
    task = agent.task
    mined = {document.id for document in documents}
    train_problems, dev = (read_jsonl(agent.data / f"{split}.jsonl", Problem) for split in ("train", "dev"))
    problems = [problem for problem in train_problems if problem.id in mined]
    if not problems:
        raise TrainingError(f"none of {len(mined)} mined documents is a training problem of {task.name}")
    dev = spread(dev, agent.params.dev_examples)
    result = sft.train(
        agent.model,
        gold_examples(task, problems),
        agent.params,
        sft.TrainSetup(
            seed=job.seed,
            work=job.work,
            out=job.out,
            evaluate=dev_accuracy(task, dev, agent.new_tokens, job.batch_tokens),
            dtype=job.run.dtype,
        ),
        epochs=job.run.epochs,
    )
    return result, len(problems)
