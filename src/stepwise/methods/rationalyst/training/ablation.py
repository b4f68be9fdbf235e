"""What RATIONALYST is compared with: itself trained on other notes, and the agent trained on the same rows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stepwise.evaluation import dev_accuracy, spread
from stepwise.methods.rationalyst.training.train import learn
from stepwise.params import RationalystAblation, RationalystRun, RationalystTrainingParams, SftParams
from stepwise.records import Document, JudgedRationale, Problem, read_jsonl
from stepwise.tasks.base import Task, example
from stepwise.training import sft
from stepwise.training.resumable_run import TrainingError


def train_variant(
    variant: RationalystAblation,
    run: RationalystRun,
    training: RationalystTrainingParams,
    agent_training: SftParams,
    documents: Sequence[Document],
    judged: Sequence[JudgedRationale],
    *,
    task: Task,
    data: Path,
    base: Path,
    agent: Path,
    new_tokens: int,
    batch_tokens: int,
    seed: int,
    work: Path,
) -> tuple[Path, dict[str, float]]:
    """Train what the variant says. Returns the model's folder and what its training was.

    With `agent`, the agent goes on learning the solutions that notes were mined from, for as many epochs as RATIONALYST
    learns the notes (the paper's comparison with fine-tuning on matching training sets); the best of it by dev is kept.

    Raises TrainingDataError or TrainingError where nothing is left to learn.
    """
    out = work / "model"
    if not variant.agent:
        params = variant.applied_to(training)
        learned = learn(
            run, params, documents, judged, base=base, batch_tokens=batch_tokens, seed=seed, work=work / "training",
            out=out,
        )  # fmt: skip
        return out, learned.numbers
    result, rows = _train_agent(
        run, agent_training, documents, task=task, data=data, agent=agent, new_tokens=new_tokens,
        batch_tokens=batch_tokens, seed=seed, work=work / "training", out=out,
    )  # fmt: skip
    numbers: dict[str, float] = {"rows": rows, "steps": result.steps}
    if result.best_score is not None:
        numbers["dev_score"] = result.best_score
    return out, numbers


def _train_agent(
    run: RationalystRun, params: SftParams, documents: Sequence[Document], *, task: Task, data: Path, agent: Path,
    new_tokens: int, batch_tokens: int, seed: int, work: Path, out: Path,
) -> tuple[sft.SftResult, int]:  # fmt: skip
    """Fine-tune the agent on the training problems that were mined. Returns the training and how many they were."""
    mined = {one.id for one in documents}
    train, dev = (read_jsonl(data / f"{split}.jsonl", Problem) for split in ("train", "dev"))
    rows = [one for one in train if one.id in mined]
    if not rows:
        raise TrainingError(f"none of {len(mined)} mined documents is a training problem of {task.name}")
    result = sft.train(
        agent,
        [example(task, problem) for problem in rows],
        params,
        epochs=run.epochs,
        seed=seed,
        work=work,
        out=out,
        evaluate=dev_accuracy(task, spread(dev, params.dev_examples), new_tokens, batch_tokens),
        dtype=run.dtype,
    )
    return result, len(rows)
