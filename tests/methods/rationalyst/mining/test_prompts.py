from __future__ import annotations

import copy

import pytest

from stepwise.methods.rationalyst.filtering import numbers
from stepwise.methods.rationalyst.mining.prompts import echo_prompts, guide, note_layout
from stepwise.methods.rationalyst.mining.released_protocol import parse
from stepwise.methods.rationalyst.rendering import RenderingError

CHAT = "{% for m in messages %}<{{ m.role }}>{{ m.content }}</{{ m.role }}>{% endfor %}<assistant>"


@pytest.fixture
def chat(tokenizer):
    own = copy.deepcopy(tokenizer)
    own.chat_template = CHAT
    return own


@pytest.mark.parametrize("kind", ["corpus", "reasoning"])
def test_every_guide_has_examples_that_do_as_it_asks(kind):
    found = guide(kind)
    assert len(found.examples) >= 3
    for one in found.examples:
        assert not numbers(one.note)
        assert one.note[-1] == "."
        assert "\n" not in one.note


def test_an_unknown_kind_is_named():
    with pytest.raises(RenderingError, match=r"no prompts/poems\.yaml"):
        guide("poems")


def test_a_chat_shows_the_text_so_far_in_the_last_turn_of_the_user(chat):
    layout = note_layout(chat, guide("reasoning"), shots=2)
    whole = f"{layout.prefix}TEXT{layout.opening}"
    assert whole.startswith("<system>You help a student")
    assert whole.count("<user>") == 3
    first = guide("reasoning").examples[0]
    assert f"<user>{first.text}{guide('reasoning').question}</user><assistant>{first.note}</assistant>" in whole
    assert whole.endswith(f"<user>TEXT{guide('reasoning').question}</user><assistant>")


def test_without_a_template_the_same_stands_as_paragraphs(tokenizer):
    found = guide("corpus")
    layout = note_layout(tokenizer, found, shots=1)
    one = found.examples[0]
    shown = f"{found.instruction}\n\n{one.text}{found.question}\n{one.note}\n\n"
    assert (layout.prefix, layout.opening) == (shown, f"{found.question}\n")
    assert note_layout(tokenizer, found, shots=0).prefix == f"{found.instruction}\n\n"


def test_examples_of_the_released_protocol_are_faithful_copies(tokenizer):
    found = guide("corpus")
    (prompt,) = echo_prompts(tokenizer, found, 4, ["Some text."])
    whole = "".join(prompt)
    assert whole.startswith(found.echo)
    assert whole.endswith("\n\nSome text.\n")
    for one in found.examples:
        asked = one.text + one.following
        answered = whole.split(f"{asked}\n", 1)[1].split("\n\n", 1)[0]
        echo = parse(answered)
        assert "".join(echo.text.split()) == "".join(asked.split())
        assert [note.text for note in echo.notes] == [one.note]


def test_a_beginning_token_is_not_written_twice(chat):
    chat.bos_token = "<pad>"
    chat.add_bos_token = True
    chat.chat_template = "<pad>" + CHAT
    assert note_layout(chat, guide("corpus"), shots=0).prefix.startswith("<system>")


def test_a_template_that_hides_the_text_is_named(chat):
    chat.chat_template = "{{ messages[0].content }}"
    with pytest.raises(RenderingError, match="does not show the user's text once"):
        note_layout(chat, guide("corpus"), shots=0)
