"""RATIONALYST at work: a trained model that writes a note for a text so far. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stepwise.generation.base import Backend, Sampling
from stepwise.methods.rationalyst.inference.state import Note
from stepwise.methods.rationalyst.rendering import NOTE_STOP, clean, query_of, shortened
from stepwise.records import Prompt
from stepwise.tokens import encode


class Rationalyst:
    """A model with its tokenizer, asked in the form that it was trained in."""

    def __init__(self, backend: Backend, tokenizer: Any, *, max_length: int, note_tokens: int) -> None:
        """`max_length` is that of its training, in tokens of query and note together."""
        self.backend, self.tokenizer = backend, tokenizer
        self.query = query_of(tokenizer)
        self.room = max_length - note_tokens - len(encode(tokenizer, (self.query.before, self.query.after)))
        self.sampling = Sampling(max_new_tokens=note_tokens, stop=NOTE_STOP)

    def prompt(self, text: str) -> Prompt:
        """What the model reads: the end of the text, as much of it as there is room for."""
        return self.query.prompt(shortened(self.tokenizer, text.strip(), self.room))

    def write(self, texts: Sequence[str]) -> list[Note]:
        """A greedy note for each text."""
        made = self.backend.generate([self.prompt(text) for text in texts], self.sampling)
        return [Note(clean(one.text), one.logprobs) for (one,) in made]
