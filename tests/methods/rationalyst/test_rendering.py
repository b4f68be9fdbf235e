"""A note has one format everywhere, a query is rendered once, and long texts lose their beginning."""

from __future__ import annotations

import copy
import re
from typing import Any

import pytest

from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.rationalyst.inference.note_writer import NoteWriter
from stepwise.methods.rationalyst.rendering import (
    INSTRUCTION,
    Query,
    RenderingError,
    bracketed,
    query_of,
    shortened,
    with_note,
)
from stepwise.methods.rationalyst.training.training_data import NoteInContext, render
from stepwise.tokens import encode

TURNS = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>\n{% endfor %}<assistant>"
"""A chat template that takes every turn."""
DEFAULT = "{% if messages[0].role != 'system' %}<system>I am Helper.</system>\n{% endif %}" + TURNS
"""One that inserts a system turn if there is none, as SmolLM2's does."""
REFUSING = "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + TURNS
"""One that refuses a system turn, as Gemma's does."""
SILENT = "{% for m in messages if m.role != 'system' %}<user>{{ m.content }}</user>\n{% endfor %}<assistant>"
"""One that leaves a system turn out."""


class Words:
    """A tokenizer with words as tokens."""

    def __call__(self, text: str, **_: Any) -> dict[str, Any]:
        spans = [match.span() for match in re.finditer(r" ?\S+", text)]
        return {"offset_mapping": spans, "input_ids": spans}


def test_a_note_comes_after_the_last_visible_character() -> None:
    assert bracketed("  add\nthem ") == " [add them]"
    assert bracketed("a [b] c") == " [a (b) c]"
    assert bracketed(" \n") == ""
    assert with_note("One.\n", "add") == ("One.", " [add]", "\n")
    assert with_note("One.\n", "") == ("One.", "\n")
    assert with_note("One.", "add") == ("One.", " [add]")


def test_where_the_border_lies_does_not_change_the_text() -> None:
    whole = "One. Two."
    texts = {"".join(with_note(whole[:cut], "n")) + whole[cut:] for cut in (4, 5)}
    assert texts == {"One. [n] Two."}


@pytest.fixture
def chat(tokenizer):
    """A tokenizer with the chat template that it is called with."""

    def with_template(template):
        own = copy.deepcopy(tokenizer)
        own.chat_template = template
        return own

    return with_template


def test_without_a_template_the_text_is_followed_by_an_open_bracket(tokenizer):
    assert query_of(tokenizer) == query_of(tokenizer, "Do this.") == Query("", " [")
    assert query_of(tokenizer).prompt(" So far. \n") == ("So far.", " [")


@pytest.mark.parametrize("template", [TURNS, DEFAULT])
def test_the_instruction_is_the_only_system_turn(chat, template):
    query = query_of(chat(template))
    assert "".join(query.prompt(" So far. \n")) == (
        "<system>Write in one sentence the unsaid thought that helps with what comes next in the text.</system>\n"
        "<user>So far.</user>\n"
        "<assistant>"
    )
    assert query.prompt("So far.") == (query.before, "So far.", query.after)


@pytest.mark.parametrize("template", [REFUSING, SILENT])
def test_without_a_system_role_the_user_turn_begins_with_the_instruction(chat, template):
    assert "".join(query_of(chat(template)).prompt("So far.")) == (
        "<user>Write in one sentence the unsaid thought that helps with what comes next in the text.\n\n"
        "So far.</user>\n"
        "<assistant>"
    )


def test_a_query_may_have_another_instruction(chat):
    query = query_of(chat(DEFAULT), "Grade it.")
    assert query == Query("<system>Grade it.</system>\n<user>", "</user>\n<assistant>")


@pytest.mark.parametrize("template", [TURNS, REFUSING])
def test_a_beginning_token_is_not_duplicated(chat, template):
    own = chat("<pad>" + template)
    own.bos_token, own.add_bos_token = "<pad>", True
    whole = own.decode(encode(own, query_of(own).prompt("So far.")))
    assert whole.startswith("<pad><")
    assert whole.count("<pad>") == whole.count(INSTRUCTION) == 1


@pytest.mark.parametrize("template", ["<user>{{ messages[-1].content[:3] }}", "{{ raise_exception('never') }}"])
def test_a_template_that_hides_the_text_is_refused(chat, template):
    with pytest.raises(RenderingError, match="template"):
        query_of(chat(template))


@pytest.mark.parametrize("template", [None, DEFAULT, REFUSING])
def test_training_and_use_read_the_same_tokens(chat, template):
    own, text = chat(template), "It is late. So they go home."
    (example,) = render([NoteInContext("n", "d", text, "add")], own, 400)
    learned = [span.text for span in example.spans if not span.weight]
    used = NoteWriter(ScriptedBackend({}), own, max_length=400, note_tokens=8).prompt(text + "\n")
    assert encode(own, learned) == encode(own, used)


def test_a_long_text_loses_its_beginning() -> None:
    assert shortened(Words(), "a b c d", 2) == "c d"
    assert shortened(Words(), "a b", 2) == "a b"
    with pytest.raises(RenderingError, match="max_length"):
        shortened(Words(), "a b", 0)
