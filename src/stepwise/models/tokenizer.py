"""The tokenizer of models made from nothing: a frequent word is one token, every other word is spelled in letters.

A byte-pair model without merges does this: `ignore_merges` takes a piece whole if the vocabulary has it, else as bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, EOS = "<pad>", "<eos>"

PIECES = (
    r"\n *"  # a line break with the next line's indentation
    r"| ?\p{L}+"  # a word with the space before it
    r"|\p{N}"  # a single digit, never with a space, so that a number looks the same everywhere
    r"| ?[()\[\]{}+\-*/_]"  # structure and operators one by one
    r"| ?[^\p{L}\p{N}\s()\[\]{}+\-*/_]+"  # runs of other punctuation
    r"|\s"
)
"""How text is cut before the vocabulary is asked."""


def build_tokenizer(
    texts: Iterable[str], *, vocabulary: int = 1024, spelled: Iterable[str] = (), max_length: int = 2048
) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer whose words are the most frequent pieces of the texts.

    Args:
        texts: what to count pieces in.
        vocabulary: number of tokens, special ones and the 256 bytes included.
        spelled: words that are never one token, whatever their frequency (case is ignored).
        max_length: longest text of the model, in tokens.

    Raises:
        ValueError: the vocabulary has no room for the bytes.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    pieces = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    counts = Counter(piece for text in texts for piece, _ in pieces.pre_tokenize_str(text))
    tokens = _vocabulary(counts, sorted(pre_tokenizers.ByteLevel.alphabet()), vocabulary, frozenset(spelled))
    tokenizer = Tokenizer(models.BPE(vocab=tokens, merges=[], ignore_merges=True))
    tokenizer.pre_tokenizer = pieces
    tokenizer.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=EOS,
        clean_up_tokenization_spaces=False,
        model_max_length=max_length,
    )


def _vocabulary(counts: Counter[str], alphabet: list[str], size: int, spelled: frozenset[str]) -> dict[str, int]:
    base = [PAD, EOS, *alphabet]
    if size < len(base):
        raise ValueError(f"a vocabulary of {size} has no room for the {len(base)} bytes and special tokens")
    known = set(base)
    lower = {word.lower() for word in spelled}
    frequent = sorted(counts, key=lambda piece: (-counts[piece], piece))
    words = [piece for piece in frequent if piece not in known and piece.removeprefix("Ġ").lower() not in lower]
    return {token: number for number, token in enumerate([*base, *words[: size - len(base)]])}
