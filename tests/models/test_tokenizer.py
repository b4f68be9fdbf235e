import pytest
from transformers import AutoTokenizer

from stepwise.models.tokenizer import build_tokenizer

TEXTS = ["The farmer sold 12 eggs.\nThe farmer sold oven", "def f(x):\n    y_1 = x + 12\n    return y_1"]


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(TEXTS * 3, vocabulary=300, words=["farmer", "The", "sold", "eggs", "def", "return"])


def test_frequent_word_is_one_token_and_unknown_word_is_letters(tokenizer):
    assert tokenizer.tokenize(" farmer sold") == ["Ġfarmer", "Ġsold"]
    assert tokenizer.tokenize("zebra") == list("zebra")
    assert tokenizer.tokenize(" zebra") == ["Ġ", *"zebra"]


def test_a_word_that_may_not_be_whole_is_letters_though_frequent(tokenizer):
    assert tokenizer.tokenize("oven oven") == [*"oven", "Ġ", *"oven"]


def test_digits_and_underscores_stand_alone(tokenizer):
    assert tokenizer.tokenize("y_1 = 123") == ["y", "_", "1", "Ġ=", "Ġ", "1", "2", "3"]


def test_indentation_is_one_token(tokenizer):
    assert "Ċ    ".replace(" ", "Ġ") in tokenizer.tokenize("def f(x):\n    y")


@pytest.mark.parametrize(
    "text", ["", " ", "a  b\n\n\tc \n", "é 日本 😀", "\r\n x", '"a"="b" (1), ["q" ? "r"]', "\n    \n  x"]
)
def test_round_trip_is_exact(tokenizer, text):
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False).input_ids) == text


def test_saved_tokenizer_loads_the_same(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    text = TEXTS[1] + " oven é"
    assert loaded(text).input_ids == tokenizer(text).input_ids
    assert (loaded.pad_token, loaded.eos_token, len(loaded)) == ("<pad>", "<eos>", len(tokenizer))


def test_too_small_a_vocabulary_is_an_error():
    with pytest.raises(ValueError, match="no room"):
        build_tokenizer(TEXTS, vocabulary=200)


def test_without_a_list_every_frequent_word_is_whole():
    assert build_tokenizer(TEXTS, vocabulary=300).tokenize(" oven") == ["Ġoven"]
