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
def test_every_guide_has_examples_that_follow_its_instruction(kind):
    examples = guide(kind).examples
    assert len(examples) >= 3
    for example in examples:
        assert not numbers(example.note)
        assert example.note[-1] == "."
        assert "\n" not in example.note


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


def test_without_a_template_the_turns_are_paragraphs(tokenizer):
    corpus = guide("corpus")
    layout = note_layout(tokenizer, corpus, shots=1)
    example = corpus.examples[0]
    prefix = f"{corpus.instruction}\n\n{example.text}{corpus.question}\n{example.note}\n\n"
    assert (layout.prefix, layout.opening) == (prefix, f"{corpus.question}\n")
    assert note_layout(tokenizer, corpus, shots=0).prefix == f"{corpus.instruction}\n\n"


def test_examples_of_the_released_protocol_are_faithful_copies(tokenizer):
    corpus = guide("corpus")
    (prompt,) = echo_prompts(tokenizer, corpus, 4, ["Some text."])
    whole = "".join(prompt)
    assert whole.startswith(corpus.echo)
    assert whole.endswith("\n\nSome text.\n")
    for example in corpus.examples:
        original = example.text + example.following
        echo = parse(whole.split(f"{original}\n", 1)[1].split("\n\n", 1)[0])
        assert "".join(echo.text.split()) == "".join(original.split())
        assert [note.text for note in echo.notes] == [example.note]


def test_a_beginning_token_is_not_duplicated(chat):
    chat.bos_token = "<pad>"
    chat.add_bos_token = True
    chat.chat_template = "<pad>" + CHAT
    assert note_layout(chat, guide("corpus"), shots=0).prefix.startswith("<system>")


def test_a_template_that_hides_the_text_is_named(chat):
    chat.chat_template = "{{ messages[0].content }}"
    with pytest.raises(RenderingError, match="does not show the user's text once"):
        note_layout(chat, guide("corpus"), shots=0)
