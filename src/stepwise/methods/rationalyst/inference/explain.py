"""The note with which a trained RATIONALYST would choose the next step of a single solution."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise import tracking
from stepwise.methods.rationalyst.inference.note_writer import NoteWriter
from stepwise.models.card import read_card
from stepwise.models.loading import ModelError
from stepwise.records import Problem
from stepwise.tasks.registry import get_task

LENGTH, NOTE_TOKENS = 1024, 128
"""Most tokens of the text so far and the note together, and of the note alone."""


def explain(model: str, question: str, steps: Sequence[str] = ()) -> str:
    """The note for a question and the steps so far. `model` is RATIONALYST's folder or `models:/NAME@champion`.

    Raises TrackingError if the model is missing, ModelError if another method trained it.
    """
    from stepwise.generation.transformers_backend import TransformersBackend
    from stepwise.models.loading import load_model

    folder = tracking.load(model)
    card = read_card(folder)
    if card.method != "rationalyst":
        raise ModelError(f"{model} was trained by {card.method}, not RATIONALYST; name a folder in models/rationalyst")
    task = get_task(card.task, card.task_params, seed=0)
    problem = Problem(id="question", task=task.name, split="test", question=question, answer="")
    text = "".join((*task.prompt(problem), *(f"{step}\n" for step in steps)))
    weights, tokenizer = load_model(folder)
    backend = TransformersBackend(weights, tokenizer, batch_tokens=LENGTH)
    length = min(LENGTH, getattr(weights.config, "max_position_embeddings", None) or LENGTH)
    tokens = min(NOTE_TOKENS, length // 4)
    return NoteWriter(backend, tokenizer, max_length=length, note_tokens=tokens).write([text])[0].text
