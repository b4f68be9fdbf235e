"""Ordering puzzles as text: the sentences of generated ones, and a reader for these and for BIG-bench's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, cached_property, reduce
from operator import and_
from typing import NamedTuple

from stepwise.errors import StepwiseError
from stepwise.tasks.generated.orderings import ANY, MOST, Gap, Orders, Pattern, orders_of

NUMBERS = ("one", "two", "three", "four", "five", "six", "seven")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh")
_HEAD = re.compile(rf"(?:.*? )?({'|'.join(NUMBERS)}) (\w+)(?: .*)?", re.IGNORECASE)
_VERBS = ("is", "are", "was", "were", "finished")
_ARTICLE = re.compile(r"(?:and )?(?:(?:a|an|the) )?")


class PuzzleError(StepwiseError, ValueError):
    """A question that is not an ordering puzzle, or one that does not determine the order."""


class Axis(NamedTuple):
    """What objects are ordered by, in words; `{}` is an ordinal."""

    first: str
    """The name of the end where the first object is."""
    last: str
    before: str
    after: str
    first_place: str
    last_place: str
    nth: str
    nth_to_last: str
    next_to: str = ""
    """An adverb that turns `before` and `after` into being neighbours, if there is one."""

    def place(self, place: int, size: int) -> str:
        """The name of a place, counted from 1; in the second half they are counted from the last."""
        from_last = size + 1 - place
        if from_last < place:
            return self.last_place if from_last == 1 else self.nth_to_last.format(_ORDINALS[from_last - 1])
        return self.first_place if place == 1 else self.nth.format(_ORDINALS[place - 1])


ROW = Axis(
    *("left", "right", "to the left of", "to the right of", "the leftmost", "the rightmost"),
    *("the {} from the left", "the {} from the right", "directly"),
)
QUEUE = Axis("first", "last", "in front of", "behind", "first", "last", "{}", "{}-to-last", "directly")
RACE = Axis("first", "last", "above", "below", "first", "last", "{}", "{}-to-last", "directly")
AGE = Axis("new", "old", "newer than", "older than", "the newest", "the oldest", "the {}-newest", "the {}-oldest")
PRICE = Axis(
    *("expensive", "cheap", "more expensive than", "less expensive than"),
    *("the most expensive", "the cheapest", "the {}-most expensive", "the {}-cheapest"),
)
HEIGHT = Axis(
    *("tall", "short", "taller than", "shorter than"),
    *("the tallest", "the shortest", "the {}-tallest", "the {}-shortest"),
)
AXES = (ROW, QUEUE, RACE, AGE, PRICE, HEIGHT)


@dataclass(frozen=True)
class Wording:
    """How sentences about some objects are written."""

    axis: Axis
    verb: str
    subjects: tuple[str, ...]
    """The objects as in the middle of a sentence: `the red book`, `Ann`."""

    def place(self, index: int, place: int) -> str:
        """A sentence that gives an object's place, counted from 1."""
        return self._sentence(index, self.axis.place(place, len(self.subjects)))

    def comparison(self, index: int, other: int, *, before: bool, neighbours: bool = False) -> str:
        """A sentence that compares two objects."""
        adverb = f"{self.axis.next_to} " if neighbours else ""
        return self._sentence(
            index, f"{adverb}{self.axis.before if before else self.axis.after} {self.subjects[other]}"
        )

    def _sentence(self, index: int, predicate: str) -> str:
        subject = self.subjects[index]
        return f"{subject[0].upper()}{subject[1:]} {self.verb} {predicate}."


@dataclass(frozen=True)
class Statement:
    """A sentence of a puzzle, without its full stop, and what it says."""

    text: str
    pattern: Pattern


@dataclass(frozen=True)
class Puzzle:
    """A question as read."""

    noun: str
    """What the objects are called: `books`."""
    objects: tuple[str, ...]
    """The objects as they are written in sentences, without an article: `red book`."""
    names: tuple[str, ...]
    """The objects as they are written in patterns: `red`."""
    wording: Wording
    statements: tuple[Statement, ...]

    @cached_property
    def orders(self) -> Orders:
        """The orders of so many objects."""
        return orders_of(len(self.names))

    @cached_property
    def allowed(self) -> tuple[int, ...]:
        """The orders that each statement allows."""
        return tuple(self.orders.matching(statement.pattern) for statement in self.statements)

    @cached_property
    def common(self) -> int:
        """The orders that all statements allow."""
        return reduce(and_, self.allowed)

    @property
    def total(self) -> str:
        """How many objects there are, as a sentence without its full stop."""
        return f"In total, there are {len(self.names)} {self.noun}"

    def inside(self, sentence: str) -> str:
        """A sentence about an object as it is written after a comma."""
        return sentence if self.objects[0][0].isupper() else sentence[0].lower() + sentence[1:]

    def read(self, sentence: str) -> Pattern | None:
        """What a sentence about these objects says, with or without its full stop; None if it says nothing."""
        read = _read_sentence(sentence.removesuffix("."), self.objects, self.wording.axis)
        return read and read[0].pattern

    def quoted(self, pattern: Pattern) -> str:
        """A pattern between the names of the ends."""
        axis = self.wording.axis
        return f"({axis.first}) {pattern.text(self.names)} ({axis.last})"


def read_puzzle(question: str) -> Puzzle:
    """Read a question: a number of objects, their list after a colon, and sentences. Raises PuzzleError."""
    head, colon, rest = question.strip().partition(":")
    listing, *sentences = (sentence.strip() for sentence in rest.strip().removesuffix(".").split(". "))
    match = _HEAD.fullmatch(head)
    objects = tuple(_ARTICLE.sub("", item.strip(), count=1) for item in listing.split(","))
    if not colon or match is None or not sentences or len(set(objects)) != len(objects):
        raise PuzzleError(f"{question!r} does not list a number of different objects and what is known of their order")
    if not NUMBERS.index(match[1].lower()) + 1 == len(objects) <= MOST:
        raise PuzzleError(
            f"{question!r} announces {match[1]} objects and lists {len(objects)}; up to {MOST} can be read"
        )
    for axis in AXES:
        read = [_read_sentence(sentence, objects, axis) for sentence in sentences]
        statements = tuple(statement for statement, _ in filter(None, read))
        if len(statements) == len(sentences):
            verb = next(verb for _, verb in filter(None, read))
            subjects = tuple(name if name[0].isupper() else f"the {name}" for name in objects)
            return Puzzle(match[2], objects, _short_names(objects), Wording(axis, verb, subjects), statements)
    raise PuzzleError(f"{question!r} has a sentence that says nothing about the order, or is not understood")


def _short_names(objects: tuple[str, ...]) -> tuple[str, ...]:
    """Names without the last word if it is the same for all, as in `red book` and `blue book`."""
    words = [name.split() for name in objects]
    common = len({name[-1] for name in words}) == 1 and all(len(name) > 1 for name in words)
    return tuple(" ".join(name[:-1] if common else name) for name in words)


def _read_sentence(sentence: str, objects: tuple[str, ...], axis: Axis) -> tuple[Statement, str] | None:
    """The statement and its verb; None if it does not speak of this axis."""
    text = sentence.removeprefix("The ").removeprefix("the ")
    subject = max((name for name in objects if text.startswith(f"{name} ")), key=len, default=None)
    if subject is None:
        return None
    verb, _, predicate = text.removeprefix(f"{subject} ").partition(" ")
    pattern = _read_predicate(objects.index(subject), predicate, objects, axis)
    return (Statement(sentence, pattern), verb) if verb in _VERBS and pattern is not None else None


def _read_predicate(index: int, predicate: str, objects: tuple[str, ...], axis: Axis) -> Pattern | None:
    gaps = _places(axis, len(objects)).get(predicate)
    if gaps is not None:
        return Pattern((index,), gaps)
    between = ANY
    if axis.next_to and predicate.startswith(f"{axis.next_to} "):
        predicate, between = predicate.removeprefix(f"{axis.next_to} "), Gap(0, False)
    for phrase in (axis.before, axis.after):
        if predicate.startswith(f"{phrase} "):
            other = predicate.removeprefix(f"{phrase} ").removeprefix("the ")
            if other in objects:
                pair = index, objects.index(other)
                return Pattern(pair if phrase == axis.before else pair[::-1], (ANY, between, ANY))
    return None


@cache
def _places(axis: Axis, size: int) -> dict[str, tuple[Gap, Gap]]:
    """The gaps before and after an object, by the name of its place: counted from either end."""
    places = {axis.first_place: (Gap(0, False), ANY), axis.last_place: (ANY, Gap(0, False))}
    for others, ordinal in enumerate(_ORDINALS[1:size], 1):
        places[axis.nth.format(ordinal)] = Gap(others, False), ANY
        places[axis.nth_to_last.format(ordinal)] = ANY, Gap(others, False)
    return places
