"""Which two orderings to combine next, so that the statements of a puzzle end in one order with little writing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from stepwise.tasks.generated.orderings import Pattern
from stepwise.tasks.generated.puzzles import Puzzle


class Combination(NamedTuple):
    """A step: the numbers of two earlier ones, and a pattern of the orders that both allow."""

    steps: tuple[int, int]
    pattern: Pattern


class _Plan(NamedTuple):
    """How a set of orders comes about."""

    cost: int
    """Length of its pattern and of those that have to be written before it."""
    parts: tuple[int, int]
    """The two sets that are combined."""
    pattern: Pattern


class Combiner:
    """Plans the combinations of a puzzle's statements.

    A combination denotes exactly the orders that its two parts have in common. The plan is the best among all trees of
    such combinations, found by dynamic programming over the subsets of the statements.
    """

    def __init__(self, puzzle: Puzzle):
        self._puzzle = puzzle
        self._common = [puzzle.orders.everything]
        """The orders that the statements of a subset allow; bit n of its number stands for statement n."""
        for allowed in puzzle.allowed:
            self._common += [orders & allowed for orders in self._common]

    def next_combination(self, written: Mapping[int, int]) -> Combination | None:
        """The next combination on the shortest way to the order; None if it is written, or if patterns cannot do it.

        `written` has the sets of orders that steps denote, by their numbers; each statement is among them.
        """
        numbers: dict[int, int] = {}
        for number, orders in written.items():
            numbers.setdefault(orders, number)
        plans = self._plans(numbers)
        orders = self._common[-1]
        if orders not in plans:
            return None
        while unwritten := [part for part in plans[orders].parts if part not in numbers]:
            orders = unwritten[0]
        first, second = sorted(numbers[part] for part in plans[orders].parts)
        return Combination((first, second), plans[orders].pattern)

    def _plans(self, numbers: Mapping[int, int]) -> dict[int, _Plan]:
        """The cheapest plan for each set of orders that subsets of the statements allow and no step has."""
        costs: dict[int, int] = dict.fromkeys(numbers, 0)
        plans: dict[int, _Plan] = {}
        for subset, pattern in self._patterns.items():
            orders = self._common[subset]
            if orders in numbers:
                continue
            for parts in self._splits(subset):
                if orders in parts or parts[0] not in costs or parts[1] not in costs:
                    continue
                cost = costs[parts[0]] + costs[parts[1]] + pattern.length()
                if orders not in plans or cost < plans[orders].cost:
                    plans[orders] = _Plan(cost, parts, pattern)
                    costs[orders] = cost
        return plans

    @cached_property
    def _patterns(self) -> dict[int, Pattern]:
        """A pattern for each subset whose orders have one, of the objects that its statements mention."""
        mentioned = [0]
        for statement in self._puzzle.statements:
            objects = sum(1 << index for index in statement.pattern.objects)
            mentioned += [others | objects for others in mentioned]
        patterns = {}
        for subset, orders in enumerate(self._common[1:], 1):
            members = [index for index in range(self._puzzle.orders.size) if mentioned[subset] >> index & 1]
            pattern = self._puzzle.orders.pattern(orders, members)
            if orders and pattern is not None:
                patterns[subset] = pattern
        return patterns

    def _splits(self, subset: int) -> Iterator[tuple[int, int]]:
        """The sets of orders of two halves of a subset, for every way to divide it."""
        highest = 1 << subset.bit_length() - 1
        half = rest = subset ^ highest
        while half:
            yield self._common[half], self._common[subset ^ half]
            half = (half - 1) & rest
