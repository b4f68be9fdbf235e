"""RATIONALYST's training: fine-tuning on notes, the best state by the likelihood of the notes of held-out documents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.evaluation import spread
from stepwise.methods.rationalyst.inference.supervision import mean_logprob
from stepwise.methods.rationalyst.training.training_data import NoteInText, render, select, split
from stepwise.models.loading import load_model
from stepwise.params.rationalyst import RationalystRun, RationalystTrainingParams
from stepwise.records import Document, JudgedRationale, Prompt
from stepwise.training import sft

if TYPE_CHECKING:
    from stepwise.generation.base import Backend


@dataclass(frozen=True)
class Learned:
    """What a training did."""

    sft: sft.SftResult
    numbers: dict[str, float]
    """Counts, and mean log-probabilities in nats a token of the held-out notes before and after."""
    told_apart: dict[str, bool]
    """Of each held-out note, whether it is likelier in its place than the note of another document there."""


def learn(
    run: RationalystRun,
    params: RationalystTrainingParams,
    documents: Sequence[Document],
    judged: Sequence[JudgedRationale],
    *,
    base: Path,
    batch_tokens: int,
    seed: int,
    work: Path,
    out: Path,
) -> Learned:
    """Train `base` on the judged notes of documents and write RATIONALYST to `out`; a killed run goes on in `work`.

    Raises TrainingDataError without notes, TrainingError where none can be learned.
    """
    notes = select(documents, judged, params, seed=seed)
    train, dev = split(notes, params.dev_share, seed)
    tuning = run.fine_tuning(params.fine_tuning)
    watched = spread(dev, tuning.dev_examples)

    def score(model: Any, tokenizer: Any) -> float:
        return mean_likelihood(_backend(model, tokenizer, batch_tokens), tokenizer, watched, run.max_length)

    model, tokenizer = load_model(base, run.dtype)
    before = score(model, tokenizer) if watched else None
    del model
    result = sft.train(
        base,
        render(spread(train, run.limit), tokenizer, run.max_length),
        tuning,
        epochs=run.epochs,
        seed=seed,
        work=work,
        out=out,
        evaluate=score if watched else None,
        learning_rate_scale=run.learning_rate_scale,
        dtype=run.dtype,
    )
    numbers = _counts(notes, dev, result)
    if before is None:
        return Learned(result, numbers, {})
    backend = _backend(*load_model(out, run.dtype), batch_tokens)
    told_apart = tell_apart(backend, tokenizer, watched, run.max_length)
    numbers["dev_logprob_before"] = before
    numbers["dev_logprob"] = mean_likelihood(backend, tokenizer, watched, run.max_length)
    if told_apart:
        numbers["told_apart"] = sum(told_apart.values()) / len(told_apart)
    return Learned(result, numbers, told_apart)


def _counts(notes: Sequence[NoteInText], dev: Sequence[NoteInText], result: sft.SftResult) -> dict[str, float]:
    return {
        "notes": len(notes),
        "train_notes": result.examples,
        "dev_notes": len(dev),
        "documents": len({one.document for one in notes}),
        "steps": result.steps,
        "left_out": sum(result.left_out.values()),
    }


def mean_likelihood(backend: Backend, tokenizer: Any, notes: Sequence[NoteInText], max_length: int) -> float:
    """Mean log-probability in nats of the notes' tokens, each after its text."""
    scored = backend.score_many([(prompt, (note,)) for prompt, note in _rendered(tokenizer, notes, max_length)])
    return mean_logprob([logprob for (one,) in scored for logprob in one])


def tell_apart(backend: Backend, tokenizer: Any, notes: Sequence[NoteInText], max_length: int) -> dict[str, bool]:
    """For each note whether its tokens are likelier in its place than those of the next note of another document."""
    others: list[NoteInText] = []
    for index, note in enumerate(notes):
        after = [*notes[index + 1 :], *notes[:index]]
        others += [next((one for one in after if one.document != note.document), note)]
    rows = zip(notes, others, _rendered(tokenizer, notes, max_length), strict=True)
    paired = [(note, (prompt, (own, other.note))) for note, other, (prompt, own) in rows if other is not note]
    scored = backend.score_many([item for _, item in paired])
    return {
        note.id: mean_logprob(own) > mean_logprob(other) for (note, _), (own, other) in zip(paired, scored, strict=True)
    }


def _rendered(tokenizer: Any, notes: Sequence[NoteInText], max_length: int) -> list[tuple[Prompt, str]]:
    """Each note's query and the note as it is learned."""
    examples = render(notes, tokenizer, max_length)
    return [(tuple(span.text for span in one.spans[:-1]), one.spans[-1].text) for one in examples]


def _backend(model: Any, tokenizer: Any, batch_tokens: int) -> Backend:
    from stepwise.generation.transformers_backend import TransformersBackend

    return TransformersBackend(model, tokenizer, batch_tokens=batch_tokens)
