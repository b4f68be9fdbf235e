"""The prompt that asks a model for a note inside a text: instruction and examples from a file, in the chat template.

    prefix | text so far | opening            the note is what the model generates next

The text so far comes in the last user turn, so one reading of a document serves every place in it; the opening asks for
the note and closes the turn. The model does not see what follows, because RATIONALYST will not see it either: the
released protocol shows the whole document, and small models then copy from it. No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml
from pydantic import ValidationError

from stepwise.methods.rationalyst.rendering import TEXT_SO_FAR, RenderingError, around_text, render_chat
from stepwise.records import Prompt, Record

OPEN, CLOSE = "<BOT>", "<EOT>"
"""The tags around a note in an echoed document; plain text, several tokens each."""


class Example(Record):
    """A text cut in two, and the note that belongs at the cut."""

    text: str
    following: str
    """The text after the note, which only the released protocol shows."""
    note: str


class Guide(Record):
    """The content of a prompt file."""

    instruction: str
    question: str
    """Comes after the text so far and asks for the note."""
    echo: str
    """The instruction of the released protocol."""
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Layout:
    """The parts of a prompt before and after the text so far."""

    prefix: str
    opening: str


def guide(kind: str) -> Guide:
    """The guide for a kind of documents (`corpus`, `reasoning`). Raises RenderingError if there is no valid file."""
    file = files("stepwise.methods.rationalyst.mining").joinpath("prompts", f"{kind}.yaml")
    if not file.is_file():
        raise RenderingError(f"there is no prompts/{kind}.yaml; write one beside corpus.yaml and reasoning.yaml")
    try:
        return Guide.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise RenderingError(f"prompts/{kind}.yaml is not a valid guide: {error}") from error


def note_layout(tokenizer: Any, guide: Guide, shots: int) -> Layout:
    """The prompt layout of a note, with the first `shots` examples of the guide."""
    shown = [(example.text + guide.question, example.note) for example in guide.examples[:shots]]
    return Layout(*around_text(_render(tokenizer, guide.instruction, shown, TEXT_SO_FAR + guide.question)))


def echo_prompts(tokenizer: Any, guide: Guide, shots: int, texts: list[str]) -> list[Prompt]:
    """Prompts of the released protocol, which ask for a copy of the whole document with notes in it."""
    shown = [
        (example.text + example.following, f"{example.text} {OPEN} {example.note} {CLOSE}{example.following}")
        for example in guide.examples[:shots]
    ]
    before, after = around_text(_render(tokenizer, guide.echo, shown, TEXT_SO_FAR))
    return [(before, text, after) for text in texts]


def _render(tokenizer: Any, instruction: str, shown: list[tuple[str, str]], last: str) -> str:
    """Instruction, few-shot examples and last question, in the chat template if there is one, else as plain text."""
    if not getattr(tokenizer, "chat_template", None):
        examples = [f"{question}\n{answer}\n\n" for question, answer in shown]
        return f"{instruction}\n\n" + "".join(examples) + f"{last}\n"
    turns = [("system", instruction)]
    for question, answer in shown:
        turns += [("user", question), ("assistant", answer)]
    return render_chat(tokenizer, [*turns, ("user", last)])
