"""The ways in which a question describes a day: `4/30/2021`, `April 30, 2021`, `the last day of 2018`."""

from __future__ import annotations

import calendar
import random
import re
from datetime import date
from functools import cache
from typing import Literal

from stepwise.tasks.generated.dates import read_date

Style = Literal["numeric", "month", "named"]
"""numeric: `4/30/2021`. month: `April 30, 2021` or `Apr 30, 2021`. named: `Christmas Day of 1999`."""

_NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MONTHS = {name: number for number, name in enumerate(_NAMES, 1)}
_SHORT = {name[:3]: number for name, number in _MONTHS.items()}
_FEASTS = {
    "New Year's Day": (1, 1),
    "Valentine's Day": (2, 14),
    "April Fools' Day": (4, 1),
    "Independence Day": (7, 4),
    "Halloween": (10, 31),
    "Christmas Eve": (12, 24),
    "Christmas Day": (12, 25),
    "New Year's Eve": (12, 31),
}
_NAME = "|".join([*_MONTHS, *_SHORT])
_FORMS = (
    r"(?P<month>[0-9]{1,2})/(?P<day>[0-9]{1,2})/(?P<year>[0-9]{4})",
    rf"(?P<name>{_NAME}) (?P<day>[0-9]{{1,2}}), (?P<year>[0-9]{{4}})",
    rf"the (?P<end>first|last) day of (?:(?P<name>{_NAME}) )?(?P<year>[0-9]{{4}})",
    rf"(?P<feast>{'|'.join(_FEASTS)}) of (?P<year>[0-9]{{4}})",
)
_PATTERNS = [re.compile(form) for form in _FORMS]
PATTERN = re.sub(r"\(\?P<\w+>", "(?:", "|".join(_FORMS))
"""A regular expression for every description; it has no groups."""


def describe(style: Style, year: int, generator: random.Random) -> str:
    """A random day of a year."""
    if style == "named":
        return generator.choice(_named_days()).format(year=year)
    day = date.fromordinal(date(year, 1, 1).toordinal() + generator.randrange(365 + calendar.isleap(year)))
    if style == "numeric":
        return f"{day.month}/{day.day}/{year}"
    name = _NAMES[day.month - 1]
    return f"{name if generator.random() < 0.5 else name[:3]} {day.day}, {year}"


def described(text: str) -> date | None:
    """The day that a description means, or None if it is none or if there is no such day."""
    match = next(filter(None, (pattern.fullmatch(text) for pattern in _PATTERNS)), None)
    if match is None:
        return None
    parts = match.groupdict()
    if "feast" in parts:
        month, day = _FEASTS[parts["feast"]]
    elif "end" in parts:
        first = parts["end"] == "first"
        month = _month(parts["name"] or ("January" if first else "December"))
        day = 1 if first else calendar.monthrange(int(parts["year"]), month)[1]
    else:
        month = int(parts["month"]) if "month" in parts else _month(parts["name"])
        day = int(parts["day"])
    return read_date(f"{month:02d}/{day:02d}/{parts['year']}")


def _month(name: str) -> int:
    return _MONTHS.get(name) or _SHORT[name]


@cache
def _named_days() -> list[str]:
    periods = [*(f"{name} {{year}}" for name in _MONTHS), "{year}"]
    ends = [f"the {end} day of {period}" for end in ("first", "last") for period in periods]
    return [*ends, *(f"{feast} of {{year}}" for feast in _FEASTS)]
