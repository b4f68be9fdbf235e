"""Calendar arithmetic: dates as MM/DD/YYYY, and shifts of them by days, weeks, months or years."""

from __future__ import annotations

import calendar
import re
from datetime import date, timedelta
from typing import Literal, NamedTuple

Unit = Literal["day", "week", "month", "year"]

_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


class Shift(NamedTuple):
    """A number of days, weeks, months or years, negative towards the past."""

    amount: int
    unit: Unit

    def __str__(self) -> str:
        number = abs(self.amount)
        return f"{number} {self.unit}{'' if number == 1 else 's'} {'before' if self.amount < 0 else 'after'}"

    def same(self, other: Shift) -> bool:
        """Whether both shift every date to the same one: seven days are a week, and twelve months a year."""
        return self._size() == other._size()

    def _size(self) -> tuple[int, int]:
        """Days and months."""
        if self.unit in ("day", "week"):
            return self.amount * (7 if self.unit == "week" else 1), 0
        return 0, self.amount * (12 if self.unit == "year" else 1)

    def shifted(self, start: date) -> date:
        """The date that is this much later. Raises ValueError unless it has a day that exists, in the years 1 to 9999.

        A month after January 31 there is no such day.
        """
        days, months = self._size()
        year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
        try:
            return start.replace(year=year, month=month + 1) + timedelta(days=days)
        except OverflowError as error:
            raise ValueError(f"{self} {written(start)} is out of range") from error


def written(day: date) -> str:
    """The date as MM/DD/YYYY."""
    return f"{day.month:02d}/{day.day:02d}/{day.year:04d}"


def read_date(text: str) -> date | None:
    """The date of a text MM/DD/YYYY; None for other text and for days that do not exist."""
    match = _DATE.fullmatch(text)
    if match is None:
        return None
    month, day, year = map(int, match.groups())
    exists = year > 0 and 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]
    return date(year, month, day) if exists else None
