"""Sets of orders of a few objects, and patterns such as `?? red ? blue` that denote them.

A set of orders is an integer with a bit for every permutation, 5,040 for seven objects. Intersection is `&`, and a
pattern is the intersection of a set for each of its gaps, so that nothing is enumerated but the tables made once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, reduce
from itertools import pairwise, permutations
from operator import and_, or_
from typing import NamedTuple

MOST = 7
"""Most objects; the tables grow with the factorial."""


class Gap(NamedTuple):
    """The objects between two named objects, or between one and an end: `?` is one, `??` any number of them."""

    least: int
    open: bool
    """Whether there may be more than `least`."""


ANY = Gap(0, True)


class Pattern(NamedTuple):
    """Objects, by their indices, in order. The gaps are those before, between and after them."""

    objects: tuple[int, ...]
    gaps: tuple[Gap, ...]

    def text(self, names: Sequence[str]) -> str:
        """The pattern as it is written: `?? red ? blue`."""
        items = _gap_items(self.gaps[0])
        for index, gap in zip(self.objects, self.gaps[1:], strict=True):
            items += [names[index], *_gap_items(gap)]
        return " ".join(items)

    def length(self) -> int:
        """How many objects and question marks are written."""
        return len(self.objects) + sum(gap.least + gap.open for gap in self.gaps)


class Orders:
    """The orders of a number of objects, as a vocabulary of sets."""

    def __init__(self, size: int):
        self.size = size
        left, right = size, size + 1
        columns = list(zip(*permutations(range(size)), strict=True))
        everything = (1 << len(columns[0])) - 1
        places: dict[int, dict[int, int]] = {left: {0: everything}, right: {size + 1: everything}}
        for index in range(size):
            places[index] = {place: _bits(index == at for at in column) for place, column in enumerate(columns, 1)}
        self.everything = everything
        self._ends = left, right
        self._places = places
        self._exactly = {
            (first, second): tuple(_apart(places[first], places[second], between) for between in range(size + 1))
            for first in places
            for second in places
        }
        self._at_least = {
            pair: tuple(reduce(or_, sets[least:]) for least in range(size + 1)) for pair, sets in self._exactly.items()
        }

    def matching(self, pattern: Pattern) -> int:
        """The orders that a pattern denotes; none if it has too many objects, or the same one twice."""
        pairs = pairwise((self._ends[0], *pattern.objects, self._ends[1]))
        return reduce(and_, (self._gap(pair, gap) for pair, gap in zip(pairs, pattern.gaps, strict=True)))

    def pattern(self, orders: int, objects: Iterable[int]) -> Pattern | None:
        """A pattern of the objects that denotes exactly these orders, or None.

        A single order is written in full. Objects whose order is open may be left out.
        """
        if orders.bit_count() == 1:
            objects = range(self.size)
        mentioned = list(objects)
        unordered = {
            i for i in mentioned for j in mentioned if i != j and self._before(i, j) & orders not in (0, orders)
        }
        # the first order is as good as any other for sorting objects whose order is the same in all
        chosen = sorted(set(mentioned) - unordered, key=self._first_order(orders).index)
        pairs = pairwise((self._ends[0], *chosen, self._ends[1]))
        pattern = Pattern(tuple(chosen), tuple(self._tightest(pair, orders) for pair in pairs))
        return pattern if self.matching(pattern) == orders else None

    def order(self, orders: int) -> tuple[int, ...] | None:
        """The objects from first to last if there is only one order left."""
        if orders.bit_count() != 1:
            return None
        places = range(1, self.size + 1)
        return tuple(next(i for i in range(self.size) if self._places[i][place] & orders) for place in places)

    def _first_order(self, orders: int) -> tuple[int, ...]:
        return self.order(orders & -orders) or ()

    def _before(self, first: int, second: int) -> int:
        return self._at_least[first, second][0]

    def _gap(self, pair: tuple[int, int], gap: Gap) -> int:
        return 0 if gap.least > self.size else (self._at_least if gap.open else self._exactly)[pair][gap.least]

    def _tightest(self, pair: tuple[int, int], orders: int) -> Gap:
        """The narrowest gap that all these orders have between two objects."""
        numbers = [number for number, exactly in enumerate(self._exactly[pair]) if exactly & orders]
        return Gap(min(numbers, default=0), len(numbers) != 1)


@cache
def orders_of(size: int) -> Orders:
    """The orders of `size` objects. Raises ValueError for fewer than one or more than MOST."""
    if not 1 <= size <= MOST:
        raise ValueError(f"orders of {size} objects are not supported, only those of 1 to {MOST}")
    return Orders(size)


def _gap_items(gap: Gap) -> list[str]:
    return ["?"] * gap.least + ["??"] * gap.open


def _bits(flags: Iterable[bool]) -> int:
    return int("".join("1" if flag else "0" for flag in flags), 2)


def _apart(first: dict[int, int], second: dict[int, int], between: int) -> int:
    """The orders with a number of objects between a first and a second, by the places of both."""
    return reduce(or_, (orders & second.get(place + between + 1, 0) for place, orders in first.items()))
