"""From pieces of text to token ids: one rule, used by training and by generation alike. No torch here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def encode(tokenizer: Any, pieces: Sequence[str]) -> list[int]:
    """Token ids of the pieces, each tokenised on its own, without special tokens, one after the other.

    A beginning-of-sequence token goes in front only where the tokenizer asks for it (`add_bos_token`); no end token is
    added. Borders between pieces are therefore borders between tokens, wherever the text is read.
    """
    return encode_many(tokenizer, [pieces])[0]


def encode_many(tokenizer: Any, prompts: Sequence[Sequence[str]]) -> list[list[int]]:
    """`encode` of many texts in one call of the tokenizer; a piece that many texts share is tokenised once."""
    distinct = list(dict.fromkeys(piece for pieces in prompts for piece in pieces))
    ids = dict(zip(distinct, tokenise(tokenizer, distinct), strict=True))
    start = beginning(tokenizer)
    return [start + [token for piece in pieces for token in ids[piece]] for pieces in prompts]


def tokenise(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Token ids of each text by itself, with no special token anywhere."""
    return [list(ids) for ids in tokenizer(list(texts), add_special_tokens=False)["input_ids"]] if texts else []


def beginning(tokenizer: Any) -> list[int]:
    """The beginning-of-sequence token as a list of one where the tokenizer asks for it, else an empty list."""
    wanted = getattr(tokenizer, "add_bos_token", False) and tokenizer.bos_token_id is not None
    return [tokenizer.bos_token_id] if wanted else []
