from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from stepwise.methods.rationalyst.corpus.cutting import CHARACTERS_PER_TOKEN, cut, token_counter
from stepwise.models.loading import ModelError

REPO = Path(__file__).resolve().parents[4]


def words(texts: Sequence[str]) -> list[int]:
    return [len(text.split()) for text in texts]


def cut_texts(text: str, budget: int) -> list[str]:
    return [text[piece.start : piece.stop] for piece in cut(text, words, budget)]


def test_a_short_text_is_one_piece() -> None:
    assert cut_texts("One two. Three four.", 10) == ["One two. Three four."]


def test_pieces_are_even_and_end_at_sentences() -> None:
    text = "A b c. D e f. G h i. J k l. M n o."
    assert cut_texts(text, 12) == ["A b c. D e f. G h i.", " J k l. M n o."]


def test_a_sentence_longer_than_the_budget_is_cut_between_words() -> None:
    pieces = cut_texts("one two three four five six seven eight", 4)
    assert all(len(piece.split()) <= 4 for piece in pieces)
    assert "".join(pieces) == "one two three four five six seven eight"


def test_no_character_is_lost_and_no_budget_passed_whatever_the_text() -> None:
    random.seed(1)
    for _ in range(200):
        text = "".join(random.choices(["word ", "End. ", "\n", "x" * 50, "\n\n", "3.5 ", "? "], k=80))
        pieces = cut(text, words, 7)
        kept = "".join(text[piece.start : piece.stop] for piece in pieces)
        assert kept.split() == text.split()
        assert "".join(kept.split()) == "".join(text.split())
        assert all(piece.tokens <= 7 for piece in pieces)
        assert all(piece.stop - piece.start <= 7 * CHARACTERS_PER_TOKEN for piece in pieces)


def test_a_million_letters_without_a_space_become_pieces() -> None:
    pieces = cut("x" * 1_000_000, words, 100)
    assert sum(piece.stop - piece.start for piece in pieces) == 1_000_000
    assert max(piece.tokens for piece in pieces) <= 100


def test_tokens_are_those_of_the_model_without_its_special_tokens() -> None:
    from transformers import AutoTokenizer

    folder = str(REPO / "checkpoints" / "tiny")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = ["Tom has 3 apples.", " And 12 pears", ""]
    expected = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    assert token_counter(folder)(texts) == expected


def test_a_folder_without_a_tokenizer_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no tokenizer\.json at .*; name a folder"):
        token_counter(str(tmp_path / "nothing here"))
