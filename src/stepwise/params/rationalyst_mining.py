"""Parameters of RATIONALYST's notes (arXiv 2410.01044): how they are mined, scored and filtered."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stepwise.params.base import Count, Positive, Section, Share


class RationalystMiningParams(Section):
    """An instruct model writes notes between the sentences of documents."""

    model: str = "smollm2"
    """Entry of the instruct group that writes them."""
    mode: Literal["woven", "echo"] = "woven"
    """`woven` asks at sentence borders, the text is kept by construction; `echo` is the released protocol, in which the
    model copies the whole document and puts notes into it."""
    shots: Count = 3
    """Examples in the prompt, at most those of its file."""
    notes: Positive = 8
    """Most notes in a document, at even distances over its sentence borders (`woven`)."""
    sentences: Count = 1
    """Sentences that a note should help with; 0 means all up to the next note."""
    new_tokens: Positive = 48
    """Longest note, in tokens (`woven`)."""
    whole: bool = True
    """Leave out notes that reach the greatest length before their sentence ends (`woven`)."""
    fidelity: Share = 0.9
    """Least likeness of an echoed document to the original; 1 asks for equality but for white space (`echo`)."""
    batch_tokens: Positive = 8192
    """Most cached tokens of documents that are worked on together."""


class RationalystScoringParams(Section):
    """A model says how likely what follows is, with and without a note."""

    model: str = "smollm2"
    """Entry of the instruct group that scores."""
    tokens: Positive = 96
    """Tokens of what follows that are scored; a discount of 0.9 leaves those behind them a weight below 5e-5 each."""
    batch_tokens: Positive = 1024
    """Most tokens of documents that are read together, padding included."""


class RationalystFilterParams(Section):
    """Which notes are kept. A change here needs no model."""

    discount: Share = 0.9
    """Weight of each token of what follows against the one before it."""
    thresholds: dict[str, float] = Field(default_factory=dict)
    """Least gain in nats by a document's source."""
    threshold: float = 0.0
    """Least gain for sources that `thresholds` does not name."""
    normalised: bool = False
    """Divide a gain by the sum of its weights, so that long and short continuations compare; thresholds are then
    nats a token."""
    copied_words: Count = 5
    """A note that shares so many words in a row with what follows, and not with what precedes, gives it away; 0 for
    no limit."""
