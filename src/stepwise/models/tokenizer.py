"""The tokenizer of models trained from scratch: a frequent word is one token, any other word is spelled in letters.

A byte-pair model without merges does this: with `ignore_merges`, a piece is one token if the vocabulary has it and is
split into bytes otherwise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, EOS = "<pad>", "<eos>"
BASE_SIZE = 258
"""Number of special tokens and bytes, which every vocabulary has."""

PIECES = (
    r"\n *"  # a line break with the next line's indentation
    r"| ?\p{L}+"  # a word with the space before it
    r"|\p{N}"  # a single digit, never with a space, so that a number looks the same everywhere
    r"| ?[()\[\]{}+\-*/_]"  # structure and operators one by one
    r"| ?[^\p{L}\p{N}\s()\[\]{}+\-*/_]+"  # runs of other punctuation
    r"|\s"
)
"""How text is split into pieces before they are looked up in the vocabulary."""


def build_tokenizer(
    texts: Iterable[str], *, vocabulary: int = 1024, words: Iterable[str] | None = None, max_length: int = 2048
) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer whose words are the most frequent pieces of the texts.

    Args:
        texts: the texts in which pieces are counted.
        vocabulary: number of tokens, including special ones and the 256 bytes.
        words: the words that may be one token (ignoring case); all others are spelled, however frequent they are.
            None allows every word.
        max_length: maximum length of a text, in tokens.

    Raises:
        ValueError: the vocabulary is too small for the bytes.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    as_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    counts = Counter(piece for text in texts for piece, _ in split.pre_tokenize_str(text))
    whole = [as_bytes.pre_tokenize_str(piece)[0][0] for piece in _whole_pieces(counts, words)]
    tokens = dict.fromkeys([PAD, EOS, *sorted(pre_tokenizers.ByteLevel.alphabet()), *whole])
    if vocabulary < BASE_SIZE:
        raise ValueError(f"a vocabulary of {vocabulary} has no room for the {BASE_SIZE} bytes and special tokens")
    numbered = {token: number for number, token in enumerate(list(tokens)[:vocabulary])}
    tokenizer = Tokenizer(models.BPE(vocab=numbered, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, as_bytes])
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        clean_up_tokenization_spaces=False,
        model_max_length=max_length,
    )


def _whole_pieces(counts: Counter[str], words: Iterable[str] | None) -> list[str]:
    """Pieces that may be one token, most frequent first."""
    allowed = None if words is None else {word.lower() for word in words}

    def is_whole(piece: str) -> bool:
        word = piece.removeprefix(" ")
        return allowed is None or not word.isalpha() or word.lower() in allowed

    return [piece for piece in sorted(counts, key=lambda piece: (-counts[piece], piece)) if is_whole(piece)]
