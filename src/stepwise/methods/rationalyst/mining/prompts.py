"""How a model is asked for a note at a place of a text: instruction and examples from a file, in the model's layout.

    prefix | text so far | opening            the note is what the model writes next

The text so far stands in the last user turn, so one reading of a document serves every place in it; the opening asks
for the note and closes the turn. The model does not see what follows, as in use it will not: the released protocol
shows it the whole document, and small models then copy what they see. No torch here.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml
from pydantic import ValidationError

from stepwise.methods.rationalyst.rendering import RenderingError
from stepwise.records import Prompt, Record

OPEN, CLOSE = "<BOT>", "<EOT>"
"""What stands around a note in an echoed document; plain text, several tokens each."""

_TEXT = "\u241ftext so far\u241f"


class Example(Record):
    """A place of a text and the note that belongs there."""

    text: str
    following: str
    """The text behind the place, which only the released protocol shows."""
    note: str


class Guide(Record):
    """What a prompt file holds."""

    instruction: str
    question: str
    """What is said behind the text so far."""
    echo: str
    """The instruction of the released protocol."""
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Layout:
    """A model's prompt around a text."""

    prefix: str
    opening: str


def guide(kind: str) -> Guide:
    """The guide for documents of a kind (`corpus`, `reasoning`). Raises RenderingError where there is no such file."""
    file = files("stepwise.methods.rationalyst.mining").joinpath("prompts", f"{kind}.yaml")
    if not file.is_file():
        raise RenderingError(f"there is no prompts/{kind}.yaml; write one beside corpus.yaml and reasoning.yaml")
    try:
        return Guide.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise RenderingError(f"prompts/{kind}.yaml is no guide: {error}") from error


def note_layout(tokenizer: Any, guide: Guide, shots: int) -> Layout:
    """The layout in which a model is asked for a note, with the first `shots` examples of the guide."""
    turns = [(one.text + guide.question, one.note) for one in guide.examples[:shots]]
    whole = _render(tokenizer, guide.instruction, turns, _TEXT + guide.question)
    return Layout(*_around_text(whole))


def echo_prompts(tokenizer: Any, guide: Guide, shots: int, texts: list[str]) -> list[Prompt]:
    """Prompts of the released protocol, whose answers are whole documents with notes in them."""
    turns = [
        (one.text + one.following, f"{one.text} {OPEN} {one.note} {CLOSE}{one.following}")
        for one in guide.examples[:shots]
    ]
    prefix, behind = _around_text(_render(tokenizer, guide.echo, turns, _TEXT))
    return [(prefix, text, behind) for text in texts]


def _around_text(whole: str) -> tuple[str, str]:
    prefix, mark, behind = whole.partition(_TEXT)
    if not mark or _TEXT in behind:
        raise RenderingError("the tokenizer's chat template does not show the user's text once; set another template")
    return prefix, behind


def _render(tokenizer: Any, instruction: str, turns: list[tuple[str, str]], last: str) -> str:
    """Instruction, finished turns and the open one, in the chat template or, without one, as plain paragraphs."""
    if not getattr(tokenizer, "chat_template", None):
        shown = [f"{asked}\n{answered}\n\n" for asked, answered in turns]
        return f"{instruction}\n\n" + "".join(shown) + f"{last}\n"
    messages = [{"role": "system", "content": instruction}]
    for asked, answered in turns:
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}]
    messages.append({"role": "user", "content": last})
    whole: str = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    if getattr(tokenizer, "add_bos_token", False) and tokenizer.bos_token:
        whole = whole.removeprefix(tokenizer.bos_token)  # `tokens.encode` puts it in front
    return whole
