"""Questions about dates: a stated day, how it lies to today, and the day that is asked for; written and read back."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache, lru_cache
from typing import NamedTuple, cast

from stepwise.tasks.generated import date_days
from stepwise.tasks.generated.dates import Shift, Unit


class DateQuestion(NamedTuple):
    """What a question says."""

    day: str
    """The stated day in the question's words."""
    start: date
    """The same day as a date."""
    shifts: tuple[Shift, ...]
    """The way from the stated day to the one that is asked for."""


class Phrase(NamedTuple):
    """A sentence with slots: {day}, {name}, {event}, and {span} (`3 days`) or {years} (`3`) for the shift it states."""

    text: str
    shift: Shift | None = None
    """None if there is no shift. In phrases with a slot for it, the amount is 1 or -1 and gives the direction."""


_LATER, _EARLIER = Shift(1, "day"), Shift(-1, "day")
_NAMES = ("Ana", "Ben", "Chloe", "David", "Emma", "Felix", "Grace", "Hugo", "Iris", "Jonas", "Lena", "Omar")
_EVENTS = ("concert", "exam", "meeting", "picnic", "race", "wedding", "interview", "trip", "party", "lecture")

STATED = (
    Phrase("Today is {day}."),
    Phrase("It is {day} today."),
    Phrase("{name} has drawn a circle around today in the calendar: {day}."),
)
"""The stated day is today."""
RELATED = (
    Phrase("Yesterday was {day}.", _LATER),
    Phrase("{name} came home yesterday, on {day}.", _LATER),
    Phrase("Tomorrow is {day}.", _EARLIER),
    Phrase("{name} will leave tomorrow, on {day}.", _EARLIER),
    Phrase("The day before yesterday was {day}.", Shift(2, "day")),
    Phrase("The day after tomorrow is {day}.", Shift(-2, "day")),
    Phrase("{span} ago it was {day}.", _LATER),
    Phrase("{name} moved house on {day}, which was {span} ago.", _LATER),
    Phrase("{span} from now it will be {day}.", _EARLIER),
    Phrase("The library wants its book back on {day}, which is {span} away.", _EARLIER),
    Phrase("{name} was born on {day} and turns {years} today.", Shift(1, "year")),
    Phrase("{name} opened a shop on {day} and celebrates its birthday number {years} today.", Shift(1, "year")),
)
"""Where today is, seen from the stated day."""
MOVED = (
    Phrase("The {event} was planned for {day}, but was put off by {span}.", _LATER),
    Phrase("The {event} was planned for {day}, but was brought forward by {span}.", _EARLIER),
)
"""The day of an event, seen from the stated day."""
HELD = (Phrase("It is today."), Phrase("That is today."))
"""The day of the event is today."""
EVENT = (
    Phrase("It was yesterday.", _LATER),
    Phrase("It is tomorrow.", _EARLIER),
    Phrase("It was {span} ago.", _LATER),
    Phrase("It is {span} from now.", _EARLIER),
)
"""Where today is, seen from the event."""
TODAY = (Phrase("today"),)
GOALS = (
    Phrase("tomorrow", _LATER),
    Phrase("yesterday", _EARLIER),
    Phrase("the day after tomorrow", Shift(2, "day")),
    Phrase("the day before yesterday", Shift(-2, "day")),
    Phrase("24 hours later", _LATER),
    Phrase("{span} from today", _LATER),
    Phrase("{span} ago", _EARLIER),
)
"""The day that is asked for, seen from today."""

_ASK = "What is the date {goal} in MM/DD/YYYY?"
_QUESTION = re.compile(r"(.+) What is the date (.+) in MM/DD/YYYY\?")
_SLOTS = {
    "day": f"(?P<day>{date_days.PATTERN})",
    "name": "[A-Z][a-z]+",
    "event": "[a-z]+",
    "span": "(?P<amount>[Oo]ne|[0-9]{1,4}) (?P<unit>day|week|month|year)s?",
    "years": "(?P<amount>[0-9]{1,4})",
}


class Limits(NamedTuple):
    """What questions may contain."""

    years: tuple[int, int]
    """First and last year of the stated day."""
    styles: Sequence[date_days.Style]
    units: Sequence[Unit]
    most: Mapping[Unit, int]
    """The longest shift in each unit."""


def draw_question(shifts: int, limits: Limits, generator: random.Random) -> str:
    """A random question with this many shifts, 0 to 3.

    All its days lie in the years 1 to 9999, and its shifts of months and years meet days that exist.
    """
    while True:
        text = _text(shifts, limits, generator)
        question = read_question(text)
        if question is None:
            raise RuntimeError(f"the question {text!r} cannot be read back")
        try:
            days_of(question)
        except ValueError:
            continue
        return text


@lru_cache(maxsize=4096)
def read_question(text: str) -> DateQuestion | None:
    """What a question says, or None if it is not in the words of this file."""
    match = _QUESTION.fullmatch(text.strip())
    if match is None:
        return None
    facts, goal = match.groups()
    moved, _, held = facts.rpartition(". ")
    readings = [_read(facts, STATED + RELATED), _read(goal, TODAY + GOALS)]
    if readings[0] is None:
        readings[:1] = [_read(f"{moved}.", MOVED), _read(held, HELD + EVENT)]
    known = [reading for reading in readings if reading is not None]
    start = date_days.described(known[0].day) if len(known) == len(readings) else None
    if start is None:
        return None
    return DateQuestion(known[0].day, start, tuple(reading.shift for reading in known if reading.shift))


def days_of(question: DateQuestion) -> list[date]:
    """The stated day and the day after each shift. Raises ValueError if one of them does not exist."""
    days = [question.start]
    for shift in question.shifts:
        days.append(shift.shifted(days[-1]))
    return days


class _Reading(NamedTuple):
    day: str
    shift: Shift | None


def _text(shifts: int, limits: Limits, generator: random.Random) -> str:
    stated = set(generator.sample(("moved", "related", "goal"), shifts))
    sentences: list[tuple[Phrase, ...]] = [RELATED if "related" in stated else STATED]
    if "moved" in stated:
        sentences = [MOVED, EVENT if "related" in stated else HELD]
    facts = [_sentence(phrases, limits, generator) for phrases in sentences]
    goal = _filled(GOALS if "goal" in stated else TODAY, limits, generator)
    return " ".join([*facts, _ASK.format(goal=goal)])


def _sentence(phrases: Sequence[Phrase], limits: Limits, generator: random.Random) -> str:
    text = _filled(phrases, limits, generator)
    return text[0].upper() + text[1:]


def _filled(phrases: Sequence[Phrase], limits: Limits, generator: random.Random) -> str:
    """A random phrase that the limits allow, with its slots filled."""
    allowed = (None, *limits.units)
    phrase = generator.choice([p for p in phrases if "{span}" in p.text or (p.shift and p.shift.unit) in allowed])
    unit = generator.choice(limits.units)
    amount = generator.randint(1, limits.most[unit])
    return phrase.text.format(
        day=date_days.describe(generator.choice(limits.styles), generator.randint(*limits.years), generator),
        name=generator.choice(_NAMES),
        event=generator.choice(_EVENTS),
        span=f"one {unit}" if amount == 1 else f"{amount} {unit}s",
        years=generator.randint(1, limits.most["year"]),
    )


def _read(text: str, phrases: Sequence[Phrase]) -> _Reading | None:
    for phrase in phrases:
        match = _pattern(phrase.text).fullmatch(text)
        if match is None:
            continue
        parts = match.groupdict()
        shift = phrase.shift
        if shift is not None and "amount" in parts:
            amount = 1 if parts["amount"].lower() == "one" else int(parts["amount"])
            shift = Shift(shift.amount * amount, cast(Unit, parts.get("unit", shift.unit)))
        return _Reading(parts.get("day", ""), shift)
    return None


@cache
def _pattern(phrase: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", lambda slot: _SLOTS[slot[1]], re.escape(phrase)))
