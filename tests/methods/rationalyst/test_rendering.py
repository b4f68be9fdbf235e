"""One form of a note everywhere; one rendering of a query; long texts lose their beginning."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from stepwise.methods.rationalyst.rendering import Query, RenderingError, aided, noted, query_of, shortened

TEMPLATE = "<s><user>{}<end><assistant>"


class Chat:
    """A tokenizer with a chat template that renders its own beginning, and words as tokens."""

    chat_template = "there is one"
    bos_token = "<s>"
    add_bos_token = True
    shown = TEMPLATE

    def apply_chat_template(self, turns: list[dict[str, str]], **_: Any) -> str:
        return self.shown.format(turns[0]["content"])

    def __call__(self, text: str, **_: Any) -> dict[str, Any]:
        spans = [one.span() for one in re.finditer(r" ?\S+", text)]
        return {"offset_mapping": spans, "input_ids": spans}


def test_a_note_stands_after_the_last_visible_character() -> None:
    assert noted("  add\nthem ") == " [add them]"
    assert noted("a [b] c") == " [a (b) c]"
    assert noted(" \n") == ""
    assert aided("One.\n", "add") == ("One.", " [add]", "\n")
    assert aided("One.\n", "") == ("One.", "\n")
    assert aided("One.", "add") == ("One.", " [add]")


def test_where_the_border_lies_does_not_change_the_text() -> None:
    whole = "One. Two."
    texts = {"".join(aided(whole[:cut], "n")) + whole[cut:] for cut in (4, 5)}
    assert texts == {"One. [n] Two."}


def test_a_query_is_plain_or_one_user_turn_with_one_beginning() -> None:
    assert query_of(SimpleNamespace(chat_template=None)) == Query("", " [")
    query = query_of(Chat())
    assert query.prompt(" So far. \n") == ("<user>", "So far.", "<end><assistant>")


def test_a_template_that_hides_the_text_is_refused() -> None:
    hiding = Chat()
    hiding.shown = "<s>{0:.3}"
    with pytest.raises(RenderingError, match="template"):
        query_of(hiding)


def test_a_long_text_loses_its_beginning() -> None:
    assert shortened(Chat(), "a b c d", 2) == "c d"
    assert shortened(Chat(), "a b", 2) == "a b"
    with pytest.raises(RenderingError, match="max_length"):
        shortened(Chat(), "a b", 0)
