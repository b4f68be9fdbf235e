from __future__ import annotations

from stepwise.tokens import encode, encode_many


class Words:
    """Splits at spaces; ids are the words' lengths. Counts calls."""

    bos_token_id = 99
    calls = 0

    def __call__(self, texts, add_special_tokens):
        assert not add_special_tokens
        self.calls += 1
        return {"input_ids": [[len(word) for word in text.split()] for text in texts]}


def test_pieces_are_tokenised_on_their_own():
    assert encode(Words(), ("ab c", "d")) == [2, 1, 1]
    assert encode(Words(), ("ab cd",)) == [2, 2]
    assert encode(Words(), ()) == []


def test_a_beginning_token_only_where_the_tokenizer_asks_for_it():
    tokenizer = Words()
    tokenizer.add_bos_token = True
    assert encode(tokenizer, ("ab",)) == [99, 2]
    tokenizer.bos_token_id = None
    assert encode(tokenizer, ("ab",)) == [2]


def test_many_take_one_call():
    tokenizer = Words()
    assert encode_many(tokenizer, [("a", "bb"), ("a",), ()]) == [[1, 2], [1], []]
    assert tokenizer.calls == 1
