"""The one format of a note inside a text, and of the prompt that asks RATIONALYST for a note. No torch here.

The filter and the supervision put a note into a text in the same format (the released code has three: a tag in the
filter, a tag or a turn `Rationale: ...` in supervision). A query is rendered once, with its special tokens in place, so
that training and generation read the same tokens (the released code renders twice). In a chat template the query states
the instruction, because some templates insert a system turn of their own if there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from stepwise.errors import StepwiseError
from stepwise.records import Prompt

OPEN, CLOSE = " [", "]"
"""The brackets around a note in a text."""
NOTE_STOP = (CLOSE, "\n")
"""Strings that end a generated note even without EOS."""
INSTRUCTION = "Write in one sentence the unsaid thought that helps with what comes next in the text."
"""RATIONALYST's system turn in a chat template, whether it is trained or not."""

TEXT_SO_FAR = "\u241ftext so far\u241f"
"""Placeholder for the text when a chat template is split around it."""


class RenderingError(StepwiseError, ValueError):
    """A chat template or a length that leaves no room for the text; the message names the remedy."""


def clean(note: str) -> str:
    """A note on one line, stripped, and without brackets that would close it early."""
    return " ".join(note.replace(CLOSE, ")").replace("[", "(").split())


def bracketed(note: str) -> str:
    """A note as it appears in a text, right after the last character that is not white space; empty stays empty."""
    cleaned = clean(note)
    return f"{OPEN}{cleaned}{CLOSE}" if cleaned else ""


def with_note(text: str, note: str) -> Prompt:
    """A text with a note at its end, as pieces: `A. ` and the note `b` become `A. [b] `.

    The text's trailing white space stays between the note and what follows. Without a note the pieces are cut at the
    same place, so that the tokens that follow are the same with and without one.
    """
    head = text.rstrip()
    return tuple(piece for piece in (head, bracketed(note), text[len(head) :]) if piece)


@dataclass(frozen=True)
class Query:
    """The parts of a prompt before and after the text so far."""

    before: str = ""
    after: str = OPEN

    def prompt(self, text: str) -> Prompt:
        """The pieces that the model reads before it writes the note. The text is stripped."""
        return tuple(piece for piece in (self.before, text.strip(), self.after) if piece)


def query_of(tokenizer: Any, instruction: str = INSTRUCTION) -> Query:
    """The text as a user turn if the tokenizer has a chat template, else as plain text followed by an open bracket.

    In a chat the instruction is the system turn. If the template does not support one (it raises an error, or drops the
    turn), the instruction becomes the first paragraph of the user turn.

    Raises RenderingError for a template that changes the user's text.
    """
    if not getattr(tokenizer, "chat_template", None):
        return Query()
    chat = _accepted(tokenizer, [("system", instruction), ("user", TEXT_SO_FAR)])
    if instruction not in chat:
        chat = _accepted(tokenizer, [("user", f"{instruction}\n\n{TEXT_SO_FAR}")])
    return Query(*around_text(chat))


def _accepted(tokenizer: Any, turns: Sequence[tuple[str, str]]) -> str:
    """The rendered turns; empty if the template rejects them."""
    try:
        return render_chat(tokenizer, turns)
    except TemplateError:
        return ""


def render_chat(tokenizer: Any, turns: Sequence[tuple[str, str]]) -> str:
    """Turns (role, content) in the tokenizer's chat template, up to where the assistant's answer begins.

    A beginning-of-sequence token that `tokens.encode` adds itself is left out. Raises jinja2.TemplateError if the
    template rejects the turns.
    """
    messages = [{"role": role, "content": content} for role, content in turns]
    chat: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    if getattr(tokenizer, "add_bos_token", False) and tokenizer.bos_token:
        chat = chat.removeprefix(tokenizer.bos_token)
    return chat


def around_text(chat: str) -> tuple[str, str]:
    """What precedes and follows TEXT_SO_FAR in a rendered chat. Raises RenderingError unless it occurs exactly once."""
    before, placeholder, after = chat.partition(TEXT_SO_FAR)
    if not placeholder or TEXT_SO_FAR in after:
        raise RenderingError("the tokenizer's chat template does not show the user's text once; set another template")
    return before, after


def shortened(tokenizer: Any, text: str, tokens: int) -> str:
    """The longest end of a text that begins at a token and has at most `tokens` tokens on its own.

    Raises RenderingError if there is no room for a single token.
    """
    if tokens < 1:
        raise RenderingError(f"there is room for {tokens} tokens of the text so far; raise max_length")
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if len(spans) <= tokens:
        return text
    for kept in range(tokens, 0, -1):  # on its own, the end of a text may have more tokens than inside the text
        rest = text[spans[-kept][0] :].lstrip()
        if len(tokenizer(rest, add_special_tokens=False)["input_ids"]) <= tokens:
            return rest
    return ""
