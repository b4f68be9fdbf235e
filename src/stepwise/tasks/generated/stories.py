"""Generated arithmetic stories: a chain of operations on one running quantity, told by a grammar of templates.

A story comes with its solution in all three forms; its content depends on the grammar alone.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from stepwise.tasks.formats.formulas import SIGNS, Operation, render_formula
from stepwise.tasks.generated.story_grammar import Grammar, Story, Template, World

LARGEST = 999
"""Default limit on the quantities of a story."""


@dataclass(eq=False)
class _Quantity:
    value: int
    name: str = ""
    slot: str = ""


@dataclass
class _Telling:
    """A story under construction."""

    rng: random.Random
    grammar: Grammar
    fields: dict[str, str]
    largest: int
    kind: str = ""
    current: _Quantity = field(default_factory=lambda: _Quantity(0))
    rival: tuple[str, str, _Quantity] | None = None
    told: list[tuple[str, list[_Quantity]]] = field(default_factory=list)
    operations: list[tuple[str, _Quantity, _Quantity]] = field(default_factory=list)
    sentences: list[str] = field(default_factory=list)
    program: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    used: list[str] = field(default_factory=list)
    ask: str = ""

    def unit(self) -> str:
        """The unit of the running quantity."""
        named = {
            "money": "dollars",
            "tickets": "tickets",
            "packs": self.fields["packs"],
            "efforts": self.fields["effort"],
        }
        return named.get(self.kind, self.fields["unit"])

    def render(self, text: str) -> str:
        return text.format_map(self.fields)


def tell(
    rng: random.Random, grammar: Grammar, operations: int, distractors: int = 0, *, largest: int = LARGEST
) -> Story:
    """A story with `operations` operations (at least 1) and `distractors` irrelevant numbers.

    The same state of `rng` gives the same story. No relevant quantity exceeds `largest`; below 50, there are few long
    stories.
    """
    while True:
        telling = _Telling(rng, grammar, _fields(rng, grammar.world), largest)
        opening = rng.choice(grammar.openings)
        small = _open(telling, opening)
        if small and len(telling.operations) <= operations and _continue(telling, operations):
            return _finish(telling, distractors)


def _fields(rng: random.Random, world: World) -> dict[str, str]:
    name, they, their = rng.choice(world.people)
    unit, item = rng.choice(world.things)
    packs, pack = rng.choice(world.packs)
    effort, past = rng.choice(world.efforts)
    fields = {"name": name, "they": they, "their": their, "unit": unit, "item": item, "packs": packs, "pack": pack}
    return {**fields, "effort": effort, "past": past, "place": rng.choice(world.places), "day": rng.choice(world.days)}


def _continue(telling: _Telling, operations: int) -> bool:
    """Add events until the story has its operations; False if no event fits any more."""
    while len(telling.operations) < operations:
        last = len(telling.operations) == operations - 1
        event = _choose(telling, last)
        if event is None:
            return False
        _add(telling, *event)
    return bool(telling.operations)


def _choose(telling: _Telling, last: bool) -> tuple[Template, int] | None:
    """A fitting event and the number it tells. The operation is drawn first, so that all four are common."""
    rng = telling.rng
    fitting: dict[str, list[Template]] = {}
    for template in telling.grammar.steps:
        if _fits(telling, template, last):
            fitting.setdefault(template.op, []).append(template)
    while fitting:
        op = rng.choice(sorted(fitting))
        template = fitting[op].pop(rng.randrange(len(fitting[op])))
        number = _draw(rng, template, telling)
        if number is not None:
            return template, number
        if not fitting[op]:
            del fitting[op]
    return None


def _fits(telling: _Telling, template: Template, last: bool) -> bool:
    if template.needs != telling.kind or template.text in telling.used or (template.ask and not last):
        return False
    if template.rival:
        return telling.rival is not None and telling.rival[1] == telling.kind
    return not (template.switch and telling.rival)


def _draw(rng: random.Random, template: Template, telling: _Telling) -> int | None:
    """The right operand of an event, or None if no operand keeps the result a whole number from 1 to the largest."""
    now = telling.current.value
    if template.rival and telling.rival:
        candidates: Sequence[int] = [telling.rival[2].value]
    elif template.fixed:
        candidates = [template.fixed]
    elif template.op == "divide":
        candidates = [n for n in range(2, 13) if now % n == 0 and now > n]
    elif template.op == "multiply":
        candidates = range(2, min(12, telling.largest // now) + 1)
    elif template.reverse:
        candidates = range(now + 2, min(telling.largest, now + 99) + 1)
    else:
        candidates = range(2, min(99, now - 1 if template.op == "subtract" else telling.largest - now) + 1)
    number = rng.choice(candidates) if candidates else None
    if number is None or not 1 <= _result(template.op, now, number, template.reverse) <= telling.largest:
        return None
    return None if template.op == "divide" and now % number else number


def _result(op: str, left: int, right: int, reverse: bool = False) -> int:
    if reverse:
        left, right = right, left
    return {"add": left + right, "subtract": left - right, "multiply": left * right, "divide": left // right}[op]


def _opening_numbers(rng: random.Random, op: str) -> tuple[int, ...]:
    match op:
        case "multiply":
            return rng.randint(2, 20), rng.randint(2, 12)
        case "divide":
            by = rng.randint(2, 12)
            return by * rng.randint(2, 20), by
        case "subtract":
            first = rng.randint(12, 99)
            return first, rng.randint(2, first - 2)
        case "add":
            return rng.randint(2, 99), rng.randint(2, 99)
        case _:
            return (rng.randint(4, 99),)


def _open(telling: _Telling, template: Template) -> bool:
    """Begin the story; False if a quantity is too large."""
    telling.kind = template.needs
    numbers = [_Quantity(value) for value in _opening_numbers(telling.rng, template.op)]
    _say(telling, template, numbers)
    if template.op:
        _compute(telling, template, numbers[0], numbers[1])
    else:
        telling.current = numbers[0]
    return all(number.value <= telling.largest for number in (*numbers, telling.current))


def _add(telling: _Telling, template: Template, number: int) -> None:
    others = [p for p in telling.grammar.world.people if p[0] not in (telling.fields["name"], _rival_name(telling))]
    other = telling.rng.choice(others)
    world = telling.grammar.world
    telling.fields.update(other=other[0], day=telling.rng.choice(world.days), place=telling.rng.choice(world.places))
    if template.rival and telling.rival:
        right, told = telling.rival[2], list[_Quantity]()
    elif template.fixed:
        right, told = _Quantity(number, str(number), str(number)), []
    else:
        right = _Quantity(number)
        told = [right]
    before = telling.current
    _say(telling, template, told)
    if template.switch:
        telling.rival = (telling.fields["name"], telling.kind, before)
        telling.fields.update(rival=telling.fields["name"], name=other[0], they=other[1], their=other[2])
    left, right = (right, before) if template.reverse else (before, right)
    telling.kind = template.gives or telling.kind
    _compute(telling, template, left, right)
    telling.ask = template.ask


def _rival_name(telling: _Telling) -> str:
    return telling.rival[0] if telling.rival else ""


def _say(telling: _Telling, template: Template, numbers: list[_Quantity]) -> None:
    """Tell an event and, if its numbers have names, assign them in the program."""
    telling.fields.update(zip("nm", (str(number.value) for number in numbers), strict=False))
    telling.used.append(template.text)
    if template.text:
        telling.told.append((telling.render(template.text), numbers))
    for name, number in zip(template.given.split(), numbers, strict=True):
        number.name = _new_name(telling, name)
        telling.program.append(f"{number.name} = {number.value}")


def _compute(telling: _Telling, template: Template, left: _Quantity, right: _Quantity) -> None:
    value = _result(template.op, left.value, right.value)
    result = _Quantity(value, _new_name(telling, template.result), f"#{len(telling.operations)}")
    sign = SIGNS[template.op]
    telling.program.append(f"{result.name} = {left.name} {sign} {right.name}")
    because = telling.render(template.because)
    telling.sentences.append(f"{because} {left.value} {sign} {right.value} = {value} {telling.unit()}.")
    telling.operations.append((template.op, left, right))
    telling.current = result


def _new_name(telling: _Telling, text: str) -> str:
    name = base = telling.render(text).lower()
    count = 1
    while name in telling.names:
        count += 1
        name = f"{base}_{count}"
    telling.names.add(name)
    return name


def _finish(telling: _Telling, distractors: int) -> Story:
    rng, grammar = telling.rng, telling.grammar
    ask = telling.ask or rng.choice(grammar.asks[telling.kind])
    telling.used.append(ask)
    extra = [_distract(telling, template) for template in rng.sample(grammar.distractors, distractors)]
    for distractor in extra:
        telling.told.insert(rng.randint(1, len(telling.told)), distractor)
    numbers = [number for _, told in telling.told for number in told]
    for i, number in enumerate(numbers):
        number.slot = f"n{i}"
    noise = {id(number) for _, told in extra for number in told}
    formula = [Operation(op, left.slot, right.slot) for op, left, right in telling.operations]
    return Story(
        question=" ".join([text for text, _ in telling.told] + [telling.render(ask)]),
        answer=telling.current.value,
        sentences=tuple(telling.sentences),
        program=(*telling.program, f"result = {telling.current.name}", "return result"),
        formula=render_formula(formula),
        numbers=tuple(number.value for number in numbers),
        unused=tuple(i for i, number in enumerate(numbers) if id(number) in noise),
        operations=len(telling.operations),
        templates=frozenset(telling.used),
    )


def _distract(telling: _Telling, template: Template) -> tuple[str, list[_Quantity]]:
    world, rng = telling.grammar.world, telling.rng
    number = _Quantity(rng.randint(2, 99))
    known = (telling.fields["name"], _rival_name(telling))
    fields = {
        **telling.fields,
        "n": str(number.value),
        "name": _rival_name(telling) or telling.fields["name"],
        "other": rng.choice([person[0] for person in world.people if person[0] not in known]),
        "thing": rng.choice([many for many, _ in world.things if many != telling.fields["unit"]]),
        "place": rng.choice(world.places),
    }
    return template.text.format_map(fields), [number]
