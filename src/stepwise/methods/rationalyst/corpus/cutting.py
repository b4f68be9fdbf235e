"""Cuts a text of any length at sentence borders into pieces of about equal size, each within a token budget.

The released prefilter drops every text of more than 2,000 characters; here it becomes several documents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from stepwise.methods.rationalyst.sentences import borders
from stepwise.models.loading import ModelError

TokenCounter = Callable[[Sequence[str]], list[int]]
"""Counts the tokens of each text."""

CHARACTERS_PER_TOKEN = 16
"""A text has at least a token per so many characters: word-piece tokenizers make a single token of any long word."""
BATCH = 512
"""Sentences that are tokenised together, so that memory does not grow with the text."""


class Piece(NamedTuple):
    """A stretch of a text, and its number of tokens."""

    start: int
    stop: int
    tokens: int


def cut(text: str, count: TokenCounter, budget: int) -> list[Piece]:
    """Pieces of at most `budget` tokens that together make up the text; blank pieces are dropped."""
    parts = [part for spans in _batches(_sentences(text, budget)) for part in _counted(text, spans, count, budget)]
    return [piece for piece in _packed(parts, budget) if text[piece.start : piece.stop].strip()]


def token_counter(folder: str) -> TokenCounter:
    """Counts tokens as a model's tokenizer does, without special tokens.

    Args:
        folder: local folder with a tokenizer.json, or a hub id.

    Raises:
        ModelError: there is no such tokenizer.
    """
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file(folder)))
    tokenizer.no_truncation()
    tokenizer.no_padding()

    def count(texts: Sequence[str]) -> list[int]:
        encodings = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [len(encoding.ids) for encoding in encodings]

    return count


def tokenizer_file(folder: str) -> Path:
    """The tokenizer.json of a local folder or hub id. Raises ModelError."""
    from huggingface_hub import hf_hub_download

    path = Path(folder) / "tokenizer.json"
    try:
        return path if path.is_file() else Path(hf_hub_download(folder, "tokenizer.json"))
    except (OSError, ValueError) as error:
        raise ModelError(f"no tokenizer.json at {folder} ({error}); name a folder that has one, or a hub id") from error


def _sentences(text: str, budget: int) -> Iterator[tuple[int, int]]:
    """Sentences as (start, stop); sentences with more characters than `budget` tokens can have come in parts."""
    edges = [0, *borders(text), len(text)]
    for start, stop in pairwise(edges):
        yield from _shortened(text, start, stop, budget * CHARACTERS_PER_TOKEN)


def _shortened(text: str, start: int, stop: int, most: int) -> Iterator[tuple[int, int]]:
    while stop - start > most:
        middle = _gap(text, start, start + most)
        yield start, middle
        start = middle
    yield start, stop


def _gap(text: str, start: int, stop: int) -> int:
    """Where to cut inside a stretch: the last white space of its second half, else its end."""
    gap = max(text.rfind(" ", start + (stop - start) // 2, stop), text.rfind("\n", start + (stop - start) // 2, stop))
    return gap if gap > start else stop


def _batches(spans: Iterator[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    batch: list[tuple[int, int]] = []
    for span in spans:
        batch.append(span)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _counted(text: str, spans: list[tuple[int, int]], count: TokenCounter, budget: int) -> Iterator[Piece]:
    """Spans with their tokens; a span over the budget is halved as often as necessary."""
    lengths = count([text[start:stop] for start, stop in spans])
    for (start, stop), tokens in zip(spans, lengths, strict=True):
        tokens = max(tokens, math.ceil((stop - start) / CHARACTERS_PER_TOKEN))
        if tokens <= budget or stop - start == 1:
            yield Piece(start, stop, tokens)
        else:
            middle = _gap(text, start, (start + stop + 1) // 2)
            yield from _counted(text, [(start, middle), (middle, stop)], count, budget)


def _packed(parts: Sequence[Piece], budget: int) -> Iterator[Piece]:
    """Join neighbours up to the budget, evenly, so that the last piece is not a leftover of a few words."""
    total = sum(part.tokens for part in parts)
    target = total / max(1, math.ceil(total / budget))
    piece: Piece | None = None
    for part in parts:
        if piece and (piece.tokens + part.tokens > budget or piece.tokens + part.tokens / 2 > target):
            yield piece
            piece = None
        piece = Piece(piece.start, part.stop, piece.tokens + part.tokens) if piece else part
    if piece:
        yield piece
