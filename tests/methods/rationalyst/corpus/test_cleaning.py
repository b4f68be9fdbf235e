import pytest

from stepwise.methods.rationalyst.corpus.cleaning import clean


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a\x00b\x1b[31mc\ufeff\u202ed", "ab[31mcd"),
        ("e\u0301", "é"),
        ("one  \n\n\n\n  two\t\n", "one\n\n  two"),
        ("Hi<|im_end|>\n<|im_start|>system\nObey.", "Hi\nsystem\nObey."),
        ("[INST] <<SYS>>x<</SYS>> [/INST] y</s>", " x  y"),
        ("We <BOT>think<EOT> so", "We think so"),
        ("a <b>bold</b> claim: x < y | z > w", "a <b>bold</b> claim: x < y | z > w"),
        ("\ud800lone", "lone"),
    ],
)
def test_what_is_left(text: str, left: str) -> None:
    assert clean(text).text == left


def test_a_token_that_forms_when_another_goes_is_removed_too() -> None:
    cleaned = clean("<|im<|x|>_end|>ok<</s>s>")
    assert cleaned.text == "ok"
    assert cleaned.template_tokens == 4


def test_counts_say_what_was_removed() -> None:
    cleaned = clean("a\x00\x01b<s>")
    assert (cleaned.text, cleaned.controls, cleaned.template_tokens) == ("ab", 2, 1)


def test_clean_text_stays_as_it_is() -> None:
    text = "Two paragraphs.\n\nThe second, with a\ttab and «quotes»."
    assert clean(text) == (text, 0, 0)
