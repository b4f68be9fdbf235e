"""Training texts as tokens: each span tokenised on its own, EOS learned, a weight for every target."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from stepwise.records import Example
from stepwise.tokens import beginning, tokenise

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Encoded:
    """An example as tokens. `weights[i]` is the weight of predicting `tokens[i]`."""

    id: str
    tokens: tuple[int, ...]
    weights: tuple[float, ...]
    source: tuple[int, ...] = ()
    """What an encoder reads; empty for a causal model."""

    @property
    def length(self) -> int:
        """Tokens in the longer of source and target."""
        return max(len(self.tokens), len(self.source))


def encode_example(tokenizer: PreTrainedTokenizerBase, example: Example, *, seq2seq: bool = False) -> Encoded:
    """Tokens and weights of an example.

    EOS follows a learned last span and has its weight; after an unlearned one the text is unfinished and gets none. The
    first token of a causal text has nothing before it and is never a target. A seq2seq model reads the spans before the
    first learned one with its encoder.
    """
    pieces = tokenise(tokenizer, [span.text for span in example.spans])
    return _assemble(tokenizer, example, pieces, seq2seq=seq2seq)


def encode_examples(
    tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, max_length: int, seq2seq: bool = False
) -> tuple[list[Encoded], dict[str, int]]:
    """Encode all, and leave out what is too long or has nothing to learn. Returns (kept, count by reason)."""
    kept: list[Encoded] = []
    left_out: Counter[str] = Counter()
    pieces = iter(tokenise(tokenizer, [span.text for example in examples for span in example.spans]))
    for example in examples:
        encoded = _assemble(tokenizer, example, [next(pieces) for _ in example.spans], seq2seq=seq2seq)
        if encoded.length > max_length:
            left_out["too_long"] += 1
        elif not any(encoded.weights):
            left_out["nothing_learned"] += 1
        else:
            kept.append(encoded)
    return kept, dict(left_out)


def _assemble(
    tokenizer: PreTrainedTokenizerBase, example: Example, pieces: Sequence[list[int]], *, seq2seq: bool
) -> Encoded:
    tokens = [] if seq2seq else beginning(tokenizer)
    source = beginning(tokenizer) if seq2seq else []
    weights = [0.0] * len(tokens)
    for span, ids in zip(example.spans, pieces, strict=True):
        if seq2seq and not tokens and span.weight == 0:
            source += ids
        else:
            tokens += ids
            weights += [span.weight] * len(ids)
    if example.spans and example.spans[-1].weight > 0:
        tokens.append(tokenizer.eos_token_id)
        weights.append(example.spans[-1].weight)
    if weights and not seq2seq:
        weights[0] = 0.0
    if seq2seq and not source:
        source = [tokenizer.eos_token_id]
    return Encoded(example.id, tuple(tokens), tuple(weights), tuple(source))
