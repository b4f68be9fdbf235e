"""When a completion ends: at an end token or a stop string."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Stopping:
    """The end tokens and stop strings of a pass, and the text of a completion.

    Text is decoded only after a token that contains the last character of a stop string, as no other token can end one.
    """

    def __init__(self, tokenizer: Any, ends: frozenset[int], stop: Sequence[str]) -> None:
        self.tokenizer = tokenizer
        self.ends = ends
        self.stop = tuple(stop)
        self.suspects = _suspects(tokenizer, self.stop)

    def stopped(self, tokens: Sequence[int]) -> bool:
        """Whether the last of these tokens completes a stop string."""
        if tokens[-1] not in self.suspects:
            return False
        text = self.decode(tokens)
        return any(stop in text for stop in self.stop)

    def text(self, tokens: Sequence[int]) -> str:
        """Text of a completion up to its end token and its first stop string."""
        text = self.decode(tokens[:-1] if tokens and tokens[-1] in self.ends else tokens)
        cut = [text.find(stop) for stop in self.stop if stop in text]
        return text[: min(cut)] if cut else text

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of tokens, without special ones."""
        text: str = self.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def _suspects(tokenizer: Any, stop: Sequence[str]) -> frozenset[int]:
    """Tokens that contain the last character of a stop string; all tokens if single tokens cannot show that."""
    if not stop:
        return frozenset()
    size = len(tokenizer)
    last = {text[-1] for text in stop}
    if any(not char.isascii() or char == " " for char in last):
        return frozenset(range(size))
    texts = tokenizer.batch_decode([[token] for token in range(size)], clean_up_tokenization_spaces=False)
    return frozenset(token for token, text in enumerate(texts) if last & set(text))
