"""RATIONALYST asked about one solution: the note that would choose its next step."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise import tracking
from stepwise.methods.rationalyst.inference.note_writer import NoteWriter
from stepwise.models.card import read_card
from stepwise.models.loading import ModelError
from stepwise.records import Problem
from stepwise.tasks.registry import get_task

LENGTH, NOTE_TOKENS = 1024, 128
"""Most tokens of the text so far and the note, and of the note."""


def explain(model: str, question: str, steps: Sequence[str] = ()) -> str:
    """The note for a question and the steps so far, by a folder of RATIONALYST or `models:/NAME@champion`.

    Raises TrackingError for a model that is not there, ModelError for one that another method made.
    """
    from stepwise.generation.transformers_backend import TransformersBackend
    from stepwise.models.loading import load_model

    folder = tracking.load(model)
    card = read_card(folder)
    if card.method != "rationalyst":
        raise ModelError(f"{model} was made by {card.method}, not by RATIONALYST; name a folder in models/rationalyst")
    task = get_task(card.task, card.task_params, seed=0)
    asked = Problem(id="question", task=task.name, split="test", question=question, answer="")
    text = "".join((*task.prompt(asked), *(f"{step}\n" for step in steps)))
    weights, tokenizer = load_model(folder)
    backend = TransformersBackend(weights, tokenizer, batch_tokens=LENGTH)
    length = min(LENGTH, getattr(weights.config, "max_position_embeddings", None) or LENGTH)
    tokens = min(NOTE_TOKENS, length // 4)
    return NoteWriter(backend, tokenizer, max_length=length, note_tokens=tokens).write([text])[0].text
