"""RATIONALYST's training: fine-tuning on notes; the best state is the one that finds held-out notes likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.evaluation import spread
from stepwise.methods.rationalyst.inference.supervision import mean_logprob
from stepwise.methods.rationalyst.training.training_data import NotedDocuments, NoteInContext, render, select, split
from stepwise.models.loading import load_model
from stepwise.params.rationalyst import RationalystRun, RationalystTrainingParams
from stepwise.records import Prompt
from stepwise.training import sft

if TYPE_CHECKING:
    from stepwise.generation.base import Backend


@dataclass(frozen=True)
class TrainingJob:
    """How a model is trained and where it goes: what RATIONALYST and the agent it is compared with have in common."""

    run: RationalystRun
    batch_tokens: int
    """Of scoring and generation, not of training."""
    seed: int
    work: Path
    """Folder for work in progress; a killed job resumes from it."""
    out: Path
    """The new model folder."""


@dataclass(frozen=True)
class TrainingResult:
    """The fine-tuning, and how well the model learned the held-out notes."""

    sft: sft.SftResult
    numbers: dict[str, float]
    """Counts, and mean log-probabilities in nats per token of the held-out notes before and after."""
    told_apart: dict[str, bool]
    """For each held-out note: whether it is likelier in its place than a note from another document."""


def train(base: Path, data: NotedDocuments, params: RationalystTrainingParams, job: TrainingJob) -> TrainingResult:
    """Train `base` on the judged notes of documents and write RATIONALYST to `job.out`.

    Raises TrainingDataError if there are no notes, TrainingError if none can be learned.
    """
    run = job.run
    notes = select(data, params, seed=job.seed)
    train_notes, dev_notes = split(notes, params.dev_share, job.seed)
    tuning = run.fine_tuning(params.fine_tuning)
    watched = spread(dev_notes, tuning.dev_examples)

    def score(model: Any, tokenizer: Any) -> float:
        return mean_likelihood(_backend(model, tokenizer, job.batch_tokens), tokenizer, watched, run.max_length)

    model, tokenizer = load_model(base, run.dtype)
    before = score(model, tokenizer) if watched else None
    del model
    result = sft.train(
        base,
        render(spread(train_notes, run.limit), tokenizer, run.max_length),
        tuning,
        sft.TrainSetup(
            seed=job.seed,
            work=job.work,
            out=job.out,
            evaluate=score if watched else None,
            learning_rate_scale=run.learning_rate_scale,
            dtype=run.dtype,
        ),
        epochs=run.epochs,
    )
    numbers = _counts(notes, dev_notes, result)
    if before is None:
        return TrainingResult(result, numbers, {})
    backend = _backend(*load_model(job.out, run.dtype), job.batch_tokens)
    told_apart = tell_apart(backend, tokenizer, watched, run.max_length)
    numbers["dev_logprob_before"] = before
    numbers["dev_logprob"] = mean_likelihood(backend, tokenizer, watched, run.max_length)
    if told_apart:
        numbers["told_apart"] = sum(told_apart.values()) / len(told_apart)
    return TrainingResult(result, numbers, told_apart)


def _counts(
    notes: Sequence[NoteInContext], dev_notes: Sequence[NoteInContext], result: sft.SftResult
) -> dict[str, float]:
    return {
        "notes": len(notes),
        "train_notes": result.examples,
        "dev_notes": len(dev_notes),
        "documents": len({note.document for note in notes}),
        "steps": result.steps,
        "left_out": sum(result.left_out.values()),
    }


def mean_likelihood(backend: Backend, tokenizer: Any, notes: Sequence[NoteInContext], max_length: int) -> float:
    """Mean log-probability in nats of the notes' tokens, each note after its text."""
    scored = backend.score_many([(prompt, (note,)) for prompt, note in _prompts(tokenizer, notes, max_length)])
    return mean_logprob([logprob for (logprobs,) in scored for logprob in logprobs])


def tell_apart(backend: Backend, tokenizer: Any, notes: Sequence[NoteInContext], max_length: int) -> dict[str, bool]:
    """For each note: whether it is likelier in its place than the next note of another document."""
    others: list[NoteInContext] = []
    for index, note in enumerate(notes):
        following = [*notes[index + 1 :], *notes[:index]]
        others.append(next((other for other in following if other.document != note.document), note))
    rows = zip(notes, others, _prompts(tokenizer, notes, max_length), strict=True)
    paired = [(note, (prompt, (own, other.note))) for note, other, (prompt, own) in rows if other is not note]
    scored = backend.score_many([item for _, item in paired])
    return {
        note.id: mean_logprob(own) > mean_logprob(other) for (note, _), (own, other) in zip(paired, scored, strict=True)
    }


def _prompts(tokenizer: Any, notes: Sequence[NoteInContext], max_length: int) -> list[tuple[Prompt, str]]:
    """Each note's prompt, and the note as it is learned."""
    examples = render(notes, tokenizer, max_length)
    return [(tuple(span.text for span in example.spans[:-1]), example.spans[-1].text) for example in examples]


def _backend(model: Any, tokenizer: Any, batch_tokens: int) -> Backend:
    from stepwise.generation.transformers_backend import TransformersBackend

    return TransformersBackend(model, tokenizer, batch_tokens=batch_tokens)
