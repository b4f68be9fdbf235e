"""Training texts as tokens: every span is tokenised on its own, EOS is learned, and each target has a weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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


def encode_examples(
    tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], *, max_length: int, seq2seq: bool = False
) -> tuple[list[Encoded], dict[str, int]]:
    """Encode examples, leaving out those that are too long or have nothing to learn.

    EOS follows a last span that is learned and has its weight; after one that is not, the text is unfinished and gets
    no EOS. The first token of a causal text has nothing before it and is never a target. A seq2seq model reads the
    spans before the first learned one with its encoder.

    Returns:
        The kept examples, and how many were left out by reason.
    """
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


def encode_for(
    model: Any, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example], max_length: int
) -> tuple[list[Encoded], dict[str, int]]:
    """`encode_examples` as a loaded model needs them: causal or seq2seq, and within its positions."""
    seq2seq = bool(model.config.is_encoder_decoder)
    return encode_examples(tokenizer, examples, max_length=longest_allowed(model, max_length), seq2seq=seq2seq)


def longest_allowed(model: Any, max_length: int) -> int:
    """Most tokens of an example: `max_length`, or the model's positions if those are fewer."""
    return min(max_length, getattr(model.config, "max_position_embeddings", None) or max_length)


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
