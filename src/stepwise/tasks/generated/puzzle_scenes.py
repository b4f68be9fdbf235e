"""Ordering puzzles drawn at random: scenes, and statements of which none can be left out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import reduce
from itertools import combinations, pairwise
from operator import and_
from typing import Literal, NamedTuple

from stepwise.tasks.generated.puzzles import AGE, HEIGHT, NUMBERS, PRICE, QUEUE, RACE, ROW, Axis, Wording, read_puzzle

SceneName = Literal["books", "things", "birds", "queue", "race", "children", "cars", "market"]

_COLOURS = ("red", "blue", "green", "black", "white", "brown", "grey", "pink", "orange", "yellow")
_NAMES = (
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Henry",
    "Jack",
    "Kate",
    "Lucy",
    "Nina",
    "Paul",
    "Sam",
    "Tom",
)
_THINGS = ("book", "button", "candle", "card", "coin", "hat", "jar", "kite", "lemon", "pen", "plate", "shell", "stone")
_BIRDS = ("crow", "dove", "finch", "gull", "hawk", "owl", "raven", "robin", "wren")
_GOODS = ("apples", "candles", "cookies", "eggs", "kites", "lemons", "pencils", "plates", "roses", "stamps", "toys")
_SHARES = {"comparison": 0.6, "place": 0.25, "neighbours": 0.15}
"""How often each kind of statement is drawn, before those that are not needed are dropped."""


class Scene(NamedTuple):
    """What is ordered. `{}` in the opening is the number."""

    opening: str
    axis: Axis
    verb: str
    objects: tuple[str, ...]
    noun: str = ""
    """A noun that all names share: `book` where the objects are colours."""


SCENES: dict[SceneName, Scene] = {
    "books": Scene("{} books stand on a shelf", ROW, "is", _COLOURS, "book"),
    "things": Scene("{} things are on a table", ROW, "is", _THINGS),
    "birds": Scene("{} birds sit on a wire", ROW, "is", _BIRDS),
    "queue": Scene("{} people wait in line", QUEUE, "is", _NAMES),
    "race": Scene("{} runners took part in a race", RACE, "finished", _NAMES),
    "children": Scene("{} children compare their heights", HEIGHT, "is", _NAMES),
    "cars": Scene("{} cars are for sale", AGE, "is", _COLOURS, "car"),
    "market": Scene("{} goods are sold at a market", PRICE, "are", _GOODS),
}


def draw_question(size: int, scenes: Sequence[Scene], generator: random.Random) -> str:
    """A question about the order of `size` objects. Its statements determine the order, and without any they do not."""
    scene = generator.choice(scenes)
    objects = [f"{name} {scene.noun}".strip() for name in generator.sample(scene.objects, size)]
    subjects = tuple(name if name[0].isupper() else f"the {name}" for name in objects)
    opening = f"{scene.opening.format(NUMBERS[size - 1].capitalize())}: {_listed(objects, scene)}."
    sentences = _true_sentences(Wording(scene.axis, scene.verb, subjects), generator)
    allowed = read_puzzle(" ".join([opening, *sentences])).allowed
    return " ".join([opening, *(sentences[number] for number in _needed(allowed, generator))])


def _true_sentences(wording: Wording, generator: random.Random) -> list[str]:
    """Everything that can be said of a random order, in random order; `_SHARES` decides what tends to come first."""
    order = generator.sample(range(len(wording.subjects)), len(wording.subjects))
    kinds: dict[str, list[str]] = {
        "place": [wording.place(index, place) for place, index in enumerate(order, 1)],
        "comparison": [_comparison(pair, wording, generator) for pair in combinations(order, 2)],
        "neighbours": [_comparison(pair, wording, generator, neighbours=True) for pair in pairwise(order)],
    }
    if not wording.axis.next_to:
        del kinds["neighbours"]
    keys = {
        sentence: generator.random() ** (len(sentences) / _SHARES[kind])
        for kind, sentences in kinds.items()
        for sentence in sentences
    }
    return sorted(keys, key=lambda sentence: -keys[sentence])


def _comparison(pair: tuple[int, int], wording: Wording, generator: random.Random, *, neighbours: bool = False) -> str:
    """A comparison of the first with the second or of the second with the first."""
    before = generator.random() < 0.5
    index, other = pair if before else pair[::-1]
    return wording.comparison(index, other, before=before, neighbours=neighbours)


def _needed(allowed: Sequence[int], generator: random.Random) -> list[int]:
    """Numbers of statements that leave a single order, in random order; without any of them there are several."""
    left, chosen = allowed[0], [0]
    for number, orders in enumerate(allowed):
        if left & orders != left:
            left &= orders
            chosen.append(number)
    generator.shuffle(chosen)
    for number in tuple(chosen):
        others = [allowed[other] for other in chosen if other != number]
        if reduce(and_, others).bit_count() == 1:
            chosen.remove(number)
    return chosen


def _listed(objects: Sequence[str], scene: Scene) -> str:
    """`a red book, an orange book, and a blue book`; names and plurals have no article."""
    bare = objects[0][0].isupper() or scene.verb == "are"
    items = [name if bare else f"{'an' if name[0] in 'aeiou' else 'a'} {name}" for name in objects]
    return f"{', '.join(items[:-1])}, and {items[-1]}"
