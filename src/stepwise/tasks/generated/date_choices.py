"""Options for questions about dates: the right one among mistakes that are easy to make."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from datetime import date

from stepwise.tasks.generated.date_questions import DateQuestion, days_of
from stepwise.tasks.generated.dates import Shift, written

_OPTIONS = 6
_SLIPS = (
    *(Shift(-1, "day"), Shift(1, "day"), Shift(-1, "week"), Shift(1, "week")),
    *(Shift(-1, "month"), Shift(1, "month"), Shift(-1, "year"), Shift(1, "year")),
)


def draw_choices(question: DateQuestion, generator: random.Random) -> tuple[str, ...]:
    """The right date and five wrong ones, MM/DD/YYYY, all different and in random order."""
    answer = days_of(question)[-1]
    wrong = list(dict.fromkeys(day for day in _mistakes(question) if day != answer))
    choices = [written(day) for day in (answer, *generator.sample(wrong, _OPTIONS - 1))]
    generator.shuffle(choices)
    return tuple(choices)


def _mistakes(question: DateQuestion) -> Iterator[date]:
    """Where one stops too early, leaves out a shift, takes it twice or backwards, slips by one, swaps day and month.

    Whatever the day, at least six of the dates that are off by one day, week, month or year exist.
    """
    days = days_of(question)
    yield from days
    for index, shift in enumerate(question.shifts):
        rest = question.shifts[index + 1 :]
        for amount in (0, -shift.amount, 2 * shift.amount):
            yield from _shifted(days[index], (Shift(amount, shift.unit), *rest))
    for slip in _SLIPS:
        yield from _shifted(days[-1], (slip,))
    if days[-1].day <= 12:
        yield days[-1].replace(month=days[-1].day, day=days[-1].month)


def _shifted(day: date, shifts: Iterable[Shift]) -> list[date]:
    """The day after the shifts; nothing if there is no such day."""
    try:
        for shift in shifts:
            day = shift.shifted(day)
    except ValueError:
        return []
    return [day]
