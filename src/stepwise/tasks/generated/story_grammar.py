"""The grammar of stories: templates of events, the world they are about, and the finished story."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """An event of a story. All texts are format strings over the story's fields (`{name}`, `{unit}`, `{n}`, ...)."""

    op: str
    """Operation by name; empty if the event only introduces a number."""
    text: str
    """What happens, one sentence; its numbers are `{n}` and, in an opening with an operation, `{m}` after it."""
    given: str = ""
    """Program names of the numbers told, separated by spaces; empty if it tells none."""
    result: str = ""
    """Program name of the result."""
    because: str = ""
    """How the sentence of the solution begins, before `a + b = c unit`."""
    needs: str = "things"
    """Kind that the running quantity must have; in an opening, the kind that it gets."""
    gives: str = ""
    """Kind of the result if it differs."""
    ask: str = ""
    """The event's own question; the story then ends here."""
    fixed: int = 0
    """A constant stated in words (`twice`); 0 for none."""
    reverse: bool = False
    """The told number is the left operand."""
    switch: bool = False
    """The result belongs to another person, with whom the story continues."""
    rival: bool = False
    """The right operand is the quantity of the person before the switch."""


@dataclass(frozen=True)
class World:
    """What stories are about. People are (name, they, their), things (plural, singular), efforts (units, past verb)."""

    people: tuple[tuple[str, str, str], ...]
    things: tuple[tuple[str, str], ...]
    packs: tuple[tuple[str, str], ...]
    efforts: tuple[tuple[str, str], ...]
    places: tuple[str, ...]
    days: tuple[str, ...]


@dataclass(frozen=True)
class Grammar:
    """All that a storyteller may say. `asks` are the general questions by kind of quantity."""

    world: World
    openings: tuple[Template, ...]
    steps: tuple[Template, ...]
    asks: dict[str, tuple[str, ...]]
    distractors: tuple[Template, ...] = ()


@dataclass(frozen=True)
class Story:
    """A told story with its three solutions."""

    question: str
    answer: int
    sentences: tuple[str, ...]
    program: tuple[str, ...]
    """Body lines without indentation, `return result` last."""
    formula: str
    numbers: tuple[int, ...]
    """All numbers of the question in order, distractors included."""
    unused: tuple[int, ...]
    """Positions in `numbers` of the distractors."""
    operations: int
    templates: frozenset[str]
    """Texts of the templates used, the question's among them."""
