"""How a note stands in a text, and how RATIONALYST is asked for one: here and nowhere else. No torch here.

The filter that keeps a note and the supervision that uses one put it before what follows in the same form (the released
code has three forms: a tag in the filter, a tag or a turn `Rationale: ...` in supervision). A query is rendered once,
with its special tokens in place, so training and generation read the same tokens (the released code renders twice). In
a chat template it says what is wanted, because some templates fill in a system turn of their own where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from stepwise.errors import StepwiseError
from stepwise.records import Prompt

OPEN, CLOSE = " [", "]"
"""What stands around a note in a text."""
NOTE_STOP = (CLOSE, "\n")
"""Strings after which a generated note ends even without EOS."""
INSTRUCTION = "Write in one sentence the unsaid thought that helps with what comes next in the text."
"""What RATIONALYST is told in a chat template, trained or not."""

_MARK = "\u241ftext so far\u241f"


class RenderingError(StepwiseError, ValueError):
    """A chat template or a length that leaves no room for the text; the message names the remedy."""


def clean(note: str) -> str:
    """A note on one line, without blanks around it and without what would close it early."""
    return " ".join(note.replace(CLOSE, ")").replace("[", "(").split())


def bracketed(note: str) -> str:
    """A note as it stands in a text, directly after the last character that is not blank; empty for an empty note."""
    cleaned = clean(note)
    return f"{OPEN}{cleaned}{CLOSE}" if cleaned else ""


def with_note(text: str, note: str) -> Prompt:
    """A text with a note before what follows it, as pieces: `A. ` and the note `b` become `A. [b] `.

    Blanks at the text's end stay between the note and what follows. Without a note the pieces are cut at the same
    place, so that the same tokens follow with and without one.
    """
    head = text.rstrip()
    return tuple(piece for piece in (head, bracketed(note), text[len(head) :]) if piece)


@dataclass(frozen=True)
class Query:
    """What stands around the text so far when RATIONALYST is asked for the note that comes next."""

    before: str = ""
    after: str = OPEN

    def prompt(self, text: str) -> Prompt:
        """The pieces that RATIONALYST reads; the note is what it writes next. Blanks around the text are left out."""
        return tuple(piece for piece in (self.before, text.strip(), self.after) if piece)


def query_of(tokenizer: Any, instruction: str = INSTRUCTION) -> Query:
    """The text as a user turn in the tokenizer's chat template where it has one, else with an open bracket behind it.

    In a chat the instruction is the system turn. Where the template takes none (it raises an error, or leaves the turn
    out), the instruction begins the user's turn, a paragraph before the text.

    Raises RenderingError for a template that changes the user's text.
    """
    if not getattr(tokenizer, "chat_template", None):
        return Query()
    whole = _chat(tokenizer, {"role": "system", "content": instruction}, {"role": "user", "content": _MARK})
    if instruction not in whole:
        whole = _chat(tokenizer, {"role": "user", "content": f"{instruction}\n\n{_MARK}"})
    before, mark, after = whole.partition(_MARK)
    if not mark or _MARK in after:
        raise RenderingError("the tokenizer's chat template does not show the user's text once; set another template")
    if getattr(tokenizer, "add_bos_token", False) and tokenizer.bos_token:
        before = before.removeprefix(tokenizer.bos_token)  # `tokens.encode` puts it in front
    return Query(before, after)


def _chat(tokenizer: Any, *turns: dict[str, str]) -> str:
    """The turns up to the beginning of an answer; empty where the template refuses them."""
    try:
        whole: str = tokenizer.apply_chat_template(list(turns), tokenize=False, add_generation_prompt=True)
    except TemplateError:
        return ""
    return whole


def shortened(tokenizer: Any, text: str, tokens: int) -> str:
    """The end of a text that has at most `tokens` tokens by itself, cut where a token begins; the whole if it fits.

    Raises RenderingError where there is room for none.
    """
    if tokens < 1:
        raise RenderingError(f"there is room for {tokens} tokens of the text so far; raise max_length")
    spans = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
    if len(spans) <= tokens:
        return text
    for kept in range(tokens, 0, -1):  # without what was before it a text may be cut into more tokens
        rest = text[spans[-kept][0] :].lstrip()
        if len(tokenizer(rest, add_special_tokens=False)["input_ids"]) <= tokens:
            return rest
    return ""
