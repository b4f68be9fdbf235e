"""Wrong formulas with exactly one fault of a known kind, on the numbers of the problem.

Every edit of the gold formula is listed with its fault. An edit that computes the same as the gold formula is no
fault, and a formula that two different edits lead to has no fault of its own; neither is used. The edits do not depend
on the oracle, so they test it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import lru_cache

from stepwise.methods.refiner.domains.formula_edits import (
    Edit,
    insertions,
    number_edits,
    operator_edits,
    removals,
    signature,
)
from stepwise.methods.refiner.domains.formula_values import (
    Formula,
    UnreadableStepError,
    fingerprint,
    leaf,
    read_formula,
)
from stepwise.methods.refiner.feedback import Fault
from stepwise.tasks.formats.formulas import FormulaError, evaluate_formula, render_formula

CONSTANTS = ("2", "3", "4", "5", "10", "100")
"""What may wrongly take the place of a constant, besides the numbers of the question."""
_DRAWS = 50


def perturbed(gold: Formula, numbers: Sequence[str], kind: str, rng: random.Random) -> str | None:
    """The text of a wrong formula whose only fault is of `kind`, or None if there is none.

    The fault is drawn first, then the formula, so that every step and slot is as likely as any other. The formula
    differs from the gold one as a function, and in value on the problem's own numbers.
    """
    if kind == "unreadable":
        return _unreadable(render_formula(gold), len(numbers), rng)
    by_fault = single_edits(gold, len(numbers)).get(kind, {})
    answer = _value(gold, numbers)
    for fault in rng.sample(sorted(by_fault), len(by_fault)):
        for formula in rng.sample(by_fault[fault], len(by_fault[fault])):
            if answer is None or _value(formula, numbers) != answer:
                return render_formula(formula)
    return None


@lru_cache(maxsize=1024)
def single_edits(gold: Formula, numbers: int) -> dict[str, dict[Fault, tuple[Formula, ...]]]:
    """By kind and fault, the wrong formulas that have this fault and no other; `numbers` counts the question's."""
    value = fingerprint(gold)
    faults: dict[Formula, set[Fault]] = {}
    formulas: dict[Formula, Formula] = {}
    for fault, formula in _edits(gold, numbers):
        key = signature(formula)
        faults.setdefault(key, set()).add(fault)
        formulas.setdefault(key, formula)
    listed: dict[str, dict[Fault, list[Formula]]] = {}
    for key, causes in faults.items():
        if len(causes) == 1 and fingerprint(key) not in (None, value):
            (fault,) = causes
            listed.setdefault(fault.kind, {}).setdefault(fault, []).append(formulas[key])
    return {kind: {fault: tuple(texts) for fault, texts in group.items()} for kind, group in listed.items()}


def constants_of(formula: Formula) -> list[str]:
    """The constants of a formula as written, each value once."""
    operands = [operand for operation in formula for operand in operation[1:]]
    return list({leaf(operand): operand for operand in operands if operand[0] not in "n#"}.values())


def _edits(gold: Formula, numbers: int) -> Iterator[Edit]:
    leaves = [f"n{index}" for index in range(numbers)]
    constants = constants_of(gold)
    yield from operator_edits(gold)
    yield from number_edits(gold, leaves + constants)
    taken = set(map(leaf, constants))
    yield from _constant_edits(gold, [constant for constant in CONSTANTS if constant not in taken])
    for index, formula in removals(gold):
        yield Fault("missing", f"#{index}"), formula
    for index, formula in insertions(gold, leaves + constants):
        yield Fault("extra", f"#{index}"), formula


def _constant_edits(gold: Formula, constants: Sequence[str]) -> Iterator[Edit]:
    for fault, formula in number_edits(gold, constants):
        step, side = int(fault.step[1:]), 1 if fault.slot == "first" else 2
        if gold[step][side][0] not in "n#" and formula[step][side][0] != "#":
            yield fault, formula


def _value(formula: Formula, numbers: Sequence[str]) -> object:
    try:
        return evaluate_formula(formula, numbers)
    except FormulaError:
        return None


def _unreadable(text: str, numbers: int, rng: random.Random) -> str | None:
    """The text cut off, with a character dropped or doubled, or with an operand that does not exist."""
    for _ in range(_DRAWS):
        place = rng.randrange(1, len(text))
        step = text.count("|", 0, place)
        damaged = rng.choice(
            (
                text[:place],
                text[:place] + text[place + 1 :],
                text[:place] + text[place] + text[place:],
                text.replace("n0", f"n{numbers}", 1),
                text.replace(",", f",#{step},", 1),
            )
        )
        try:
            read_formula(damaged, numbers)
        except UnreadableStepError:
            return damaged
    return None
