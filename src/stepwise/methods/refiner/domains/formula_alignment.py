"""The faults of a wrong formula: the cheapest way to turn it into the gold one, step by step.

Every step of the hypothesis is matched with a step of the gold formula or is extra; a gold step without a partner is
missing. The partner of a step follows the partners of the steps whose results it uses, so that every fault can be
repaired where it is. Of all such alignments, the one with the cheapest faults counts. What a matched step may hold:

* an operand fits if it is the same number, or the result of the partner of the gold operand's step;
* where the gold operand is the result of a missing step, an operand of that step fits as well, as when
  `divide(n0,n2)` stands for `subtract(n0,n1)|divide(#0,n2)`: only the step is missing;
* where the hypothesis uses the result of an extra step, the operands of that step are looked at instead;
* operands fit in either order if the gold operation or the one in its place is an addition or a multiplication.

This replaces the comparison slot by slot of the released code, which blames every step after one that is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.methods.refiner.domains.formula_values import COMMUTATIVE, leaf, reference
from stepwise.methods.refiner.feedback import Fault
from stepwise.tasks.formats.formulas import Operation

WRONG_PART = 2
"""Cost of a wrong operator or number."""
UNMATCHED = 3
"""Cost of a missing or extra step: a step that is wrong in all three parts is still one step, not two."""
LONGEST = 24
"""Steps of a hypothesis that are aligned; all later ones are extra."""
BUDGET = 10_000
"""Partial alignments that are looked at; after that, the cheapest one up to there counts."""

_SLOTS = ("first", "second")
_EXTRA = -1


def aligned_faults(gold: Sequence[Operation], hypothesis: Sequence[Operation]) -> tuple[Fault, ...]:
    """The faults of the cheapest alignment, in the order of the steps; empty only for the same steps.

    Ties go to the alignment with the fewest unmatched steps, then to the one that keeps the order of the steps, then
    to the one that matches early steps. A missing step's number is the one it gets when it is inserted; all
    other numbers are those of the hypothesis.
    """
    search = _Search(gold, hypothesis[:LONGEST])
    search.extend(0, 0)
    faults = search.faults() + [Fault("extra", f"#{i}") for i in range(LONGEST, len(hypothesis))]
    return tuple(sorted(faults, key=_position))


def _position(fault: Fault) -> tuple[int, int]:
    return int(fault.step[1:]), ("missing", "extra", "operator", "number").index(fault.kind)


class _Search:
    """Depth-first search with a lower bound on the cost. Sets of what an operand may stand for are bit masks."""

    def __init__(self, gold: Sequence[Operation], hypothesis: Sequence[Operation]):
        self.gold, self.hypothesis = gold, hypothesis
        self.users = _users(gold)
        self.bits: dict[str, int] = {}
        self.partners: list[int] = []
        self.meanings: list[int] = []
        """For each matched or extra step so far, what a reference to it may stand for."""
        self.visited = 0
        self.best: tuple[int, ...] = (UNMATCHED * (len(gold) + len(hypothesis)) + 1,)
        self.best_partners: list[int] = []

    def extend(self, used: int, cost: int) -> None:
        """Try every partner of the next step. `used` holds the gold steps that have a partner."""
        self.visited += 1
        index = len(self.partners)
        unpaired = abs(len(self.hypothesis) - index - len(self.gold) + used.bit_count())
        if cost + UNMATCHED * unpaired > self.best[0] or (self.visited > BUDGET and self.best_partners):
            return
        if index == len(self.hypothesis):
            self._finish(used)
            return
        complete = used >> (len(self.gold) - 1) & 1  # what follows the result is not part of it
        wanted = self._wanted(used)
        for partner in sorted(range(len(self.gold)), key=lambda step: abs(step - index)):
            if not (complete or used & (1 << partner | self.users[partner])):
                self._descend(partner, 1 << partner, used, cost + self._step_cost(index, partner, wanted))
        operation = self.hypothesis[index]
        meaning = self._mask(operation.left, self.meanings) | self._mask(operation.right, self.meanings)
        self._descend(_EXTRA, meaning, used, cost + UNMATCHED)

    def faults(self) -> list[Fault]:
        """The faults of the best alignment."""
        self._restore()
        wanted = self._wanted(sum(1 << partner for partner in self.partners if partner != _EXTRA))
        faults = [Fault("missing", f"#{place}") for place in self._missing_places()]
        for index, partner in enumerate(self.partners):
            step = f"#{index}"
            if partner == _EXTRA:
                faults.append(Fault("extra", step))
                continue
            if self.hypothesis[index].name != self.gold[partner].name:
                faults.append(Fault("operator", step))
            faults += [Fault("number", step, slot) for slot in self._wrong_slots(index, partner, wanted)]
        return faults

    def _descend(self, partner: int, meaning: int, used: int, cost: int) -> None:
        self.partners.append(partner)
        self.meanings.append(meaning)
        self.extend(used if partner == _EXTRA else used | 1 << partner, cost)
        self.partners.pop()
        self.meanings.pop()

    def _finish(self, used: int) -> None:
        wanted = self._wanted(used)
        matched = [(index, partner) for index, partner in enumerate(self.partners) if partner != _EXTRA]
        unmatched = len(self.gold) + len(self.hypothesis) - 2 * len(matched)
        cost = UNMATCHED * unmatched + sum(self._step_cost(*pair, wanted) for pair in matched)
        order = [partner for _, partner in matched]
        inversions = sum(a > b for i, a in enumerate(order) for b in order[i + 1 :])
        if (cost, unmatched, inversions) < self.best:
            self.best, self.best_partners = (cost, unmatched, inversions), self.partners.copy()

    def _restore(self) -> None:
        self.partners, self.meanings = self.best_partners, []
        for partner, operation in zip(self.partners, self.hypothesis, strict=True):
            operands = self._mask(operation.left, self.meanings) | self._mask(operation.right, self.meanings)
            self.meanings.append(operands if partner == _EXTRA else 1 << partner)

    def _wanted(self, used: int) -> list[int]:
        """For each gold step, what an operand may be that should be its result, if those not `used` are missing.

        Matching one more step only removes possibilities, so that costs so far are lower bounds.
        """
        wanted: list[int] = []
        for step, operation in enumerate(self.gold):
            operands = self._mask(operation.left, wanted) | self._mask(operation.right, wanted)
            wanted.append(1 << step if used >> step & 1 else operands)
        return wanted

    def _mask(self, operand: str, results: Sequence[int]) -> int:
        step = reference(operand)
        if step is not None:
            return results[step]
        return 1 << self.bits.setdefault(leaf(operand), len(self.gold) + len(self.bits))

    def _step_cost(self, index: int, partner: int, wanted: Sequence[int]) -> int:
        wrong_name = self.hypothesis[index].name != self.gold[partner].name
        return WRONG_PART * (wrong_name + len(self._wrong_slots(index, partner, wanted)))

    def _wrong_slots(self, index: int, partner: int, wanted: Sequence[int]) -> list[str]:
        operation, target = self.hypothesis[index], self.gold[partner]
        operands = [self._mask(operand, self.meanings) for operand in (operation.left, operation.right)]
        targets = [self._mask(operand, wanted) for operand in (target.left, target.right)]
        either = not COMMUTATIVE.isdisjoint((operation.name, target.name))
        orders = [targets, targets[::-1]] if either else [targets]
        wrong = [
            [slot for slot, operand, goal in zip(_SLOTS, operands, order, strict=True) if not operand & goal]
            for order in orders
        ]
        return min(wrong, key=len)

    def _missing_places(self) -> list[int]:
        """Where to insert the missing gold steps: behind the gold step before them, but before their first use."""
        corrected = [(partner, index) for index, partner in enumerate(self.partners)]
        places = {partner: node for node in corrected if (partner := node[0]) != _EXTRA}
        missing = [step for step in range(len(self.gold)) if step not in places]
        for step in missing:
            place = corrected.index(places[step - 1]) + 1 if step else 0
            if step == len(self.gold) - 1:
                place = len(corrected)
            uses = [
                corrected.index(places[user])
                for user in range(step + 1, len(self.gold))
                if user in places and f"#{step}" in self.gold[user][1:]
            ]
            places[step] = (step, _EXTRA)
            corrected.insert(min([place, *uses]), places[step])
        return [corrected.index(places[step]) for step in missing]


def _users(gold: Sequence[Operation]) -> list[int]:
    """For each step, a mask of the steps that use its result, directly or through others."""
    users = [0] * len(gold)
    for index in reversed(range(len(gold))):
        for operand in gold[index][1:]:
            if (step := reference(operand)) is not None:
                users[step] |= 1 << index | users[index]
    return users
