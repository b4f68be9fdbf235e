"""RATIONALYST at work: a trained model that writes a note for the text so far. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stepwise.generation.base import Backend, Sampling
from stepwise.methods.rationalyst.inference.state import Note
from stepwise.methods.rationalyst.rendering import NOTE_STOP, clean, query_of, shortened
from stepwise.records import Prompt
from stepwise.tokens import encode


class NoteWriter:
    """A model with its tokenizer, prompted in the format it was trained on."""

    def __init__(self, backend: Backend, tokenizer: Any, *, max_length: int, note_tokens: int) -> None:
        """`max_length` is the training length in tokens, query and note together."""
        self.backend, self.tokenizer = backend, tokenizer
        self.query = query_of(tokenizer)
        self.room = max_length - note_tokens - len(encode(tokenizer, (self.query.before, self.query.after)))
        self.sampling = Sampling(max_new_tokens=note_tokens, stop=NOTE_STOP)

    def prompt(self, text: str) -> Prompt:
        """What the model reads: as much of the end of the text as fits."""
        return self.query.prompt(shortened(self.tokenizer, text.strip(), self.room))

    def write(self, texts: Sequence[str]) -> list[Note]:
        """A greedy note for each text."""
        completions = self.backend.generate([self.prompt(text) for text in texts], self.sampling)
        return [Note(clean(completion.text), completion.logprobs) for (completion,) in completions]
