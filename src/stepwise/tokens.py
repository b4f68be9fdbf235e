"""Turns pieces of text into token ids by the same rule for training and generation. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def encode(tokenizer: Any, pieces: Sequence[str]) -> list[int]:
    """Token ids of the pieces, concatenated; each piece is tokenised separately, without special tokens.

    A beginning-of-sequence token is prepended only if the tokenizer is set to add one (`add_bos_token`); no end token
    is added. Boundaries between pieces are therefore always token boundaries.
    """
    return encode_many(tokenizer, [pieces])[0]


def encode_many(tokenizer: Any, prompts: Sequence[Sequence[str]]) -> list[list[int]]:
    """`encode` for many texts in one call of the tokenizer; a piece that several texts share is tokenised once."""
    distinct = list(dict.fromkeys(piece for pieces in prompts for piece in pieces))
    ids = dict(zip(distinct, tokenise(tokenizer, distinct), strict=True))
    start = beginning(tokenizer)
    return [start + [token for piece in pieces for token in ids[piece]] for pieces in prompts]


def tokenise(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text, without special tokens."""
    return [list(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]] if texts else []


def beginning(tokenizer: Any) -> list[int]:
    """The beginning-of-sequence token in a list, empty unless the tokenizer is set to add one."""
    adds_it = getattr(tokenizer, "add_bos_token", False) and tokenizer.bos_token_id is not None
    return [tokenizer.bos_token_id] if adds_it else []
