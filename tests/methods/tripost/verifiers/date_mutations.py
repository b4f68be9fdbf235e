"""Wrong date attempts: gold rationales with a single error whose step and category are known."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from datetime import date, timedelta

from stepwise.methods.tripost.verifiers import dates
from stepwise.records import Problem, Solution
from stepwise.tasks.generated.scripted import FINAL
from tests.methods.tripost.verifiers.attempts import numbered, texts

Wrong = tuple[Solution, str, str]
"""The attempt, the id of its erroneous step and the category."""

SHIFT = re.compile(r"(\d+) (day|week|month|year)s? (after|before) (\S+) is (\S+)\.")


def later(text: str, days: int) -> str:
    month, day, year = map(int, text.split("/"))
    return (date(year, month, day) + timedelta(days)).strftime("%m/%d/%Y")


def shift_place(lines: list[str], generator: random.Random) -> int | None:
    """The place of a random shift."""
    return generator.randrange(1, len(lines) - 1) if len(lines) > 2 else None


def other_first_date(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    day, right = lines[0].removesuffix(".").rsplit(" is ", 1)
    lines[0] = f"{day} is {later(right, generator.choice([-365, -30, -1, 1, 31]))}."
    return numbered(lines), "1", dates.START


def swapped_first_date(problem: Problem, generator: random.Random) -> Wrong | None:
    """Day and month change places, even if there is no such month."""
    lines = texts(problem.reference)
    day, right = lines[0].removesuffix(".").rsplit(" is ", 1)
    month, number, year = right.split("/")
    lines[0] = f"{day} is {number}/{month}/{year}."
    return None if month == number else (numbered(lines), "1", dates.START)


def other_first_day(problem: Problem, generator: random.Random) -> Wrong:
    """A day that the question does not state, with its right date."""
    lines = texts(problem.reference)
    lines[0] = generator.choice(["April 30, 1900 is 04/30/1900.", "The last day of 1899 is 12/31/1899."])
    return numbered(lines), "1", dates.START


def other_amount(problem: Problem, generator: random.Random) -> Wrong | None:
    """A shift by an amount that no shift of the question has, in whatever unit."""
    return changed_shift(problem, generator, lambda number, unit, way: f"{number + 29} {unit}s {way}")


def other_direction(problem: Problem, generator: random.Random) -> Wrong | None:
    if not distinct(texts(problem.reference)):
        return None
    turned = {"after": "before", "before": "after"}
    return changed_shift(problem, generator, lambda number, unit, way: f"{number} {unit}s {turned[way]}")


def other_unit(problem: Problem, generator: random.Random) -> Wrong | None:
    if len(texts(problem.reference)) != 3:
        return None
    units = {"day": "month", "week": "year", "month": "week", "year": "day"}
    return changed_shift(problem, generator, lambda number, unit, way: f"{number} {units[unit]}s {way}")


def changed_shift(problem: Problem, generator: random.Random, change: Callable[[int, str, str], str]) -> Wrong | None:
    lines = texts(problem.reference)
    place = shift_place(lines, generator)
    if place is None:
        return None
    number, unit, way, base, result = SHIFT.fullmatch(lines[place]).groups()
    lines[place] = f"{change(int(number), unit, way)} {base} is {result}."
    return numbered(lines), str(place + 1), dates.SHIFT


def distinct(lines: list[str]) -> bool:
    """Whether no two shifts are equally long."""
    factors = {"day": 1, "week": 7, "month": 1000, "year": 12000}
    sizes = [int(match[1]) * factors[match[2]] for line in lines if (match := SHIFT.fullmatch(line))]
    return len(set(sizes)) == len(sizes)


def miscalculated(problem: Problem, generator: random.Random) -> Wrong | None:
    lines = texts(problem.reference)
    place = shift_place(lines, generator)
    if place is None:
        return None
    head, result = lines[place].removesuffix(".").rsplit(" is ", 1)
    lines[place] = f"{head} is {later(result, generator.choice([-366, -31, -1, 1, 2, 30]))}."
    return numbered(lines), str(place + 1), dates.CALENDAR


def no_such_day(problem: Problem, generator: random.Random) -> Wrong | None:
    """The result of a shift is February 30."""
    lines = texts(problem.reference)
    place = shift_place(lines, generator)
    if place is None:
        return None
    lines[place] = f"{lines[place].rsplit(' is ', 1)[0]} is 02/30/{lines[place][-5:-1]}."
    return numbered(lines), str(place + 1), dates.CALENDAR


def other_base(problem: Problem, generator: random.Random) -> Wrong | None:
    """A shift starts from another date and is calculated without error."""
    lines = texts(problem.reference)
    place = shift_place(lines, generator)
    if place is None:
        return None
    number, unit, way, base, result = SHIFT.fullmatch(lines[place]).groups()
    days = generator.choice([-41, -23, 17, 53])
    lines[place] = f"{number} {unit}s {way} {later(base, days)} is {later(result, days)}."
    return numbered(lines), str(place + 1), dates.BASE


def back_to_the_first_date(problem: Problem, generator: random.Random) -> Wrong | None:
    """The last of several shifts starts from the stated day."""
    lines = texts(problem.reference)
    first = lines[0].removesuffix(".").rsplit(" is ", 1)[1]
    if len(lines) < 4 or not distinct(lines):
        return None
    number, unit, way, base, result = SHIFT.fullmatch(lines[-2]).groups()
    lines[-2] = f"{number} {unit}s {way} {first} is {result}."
    return None if first == base else (numbered(lines), str(len(lines) - 1), dates.BASE)


def skipped_shift(problem: Problem, generator: random.Random) -> Wrong | None:
    """A shift before the last one is left out; the next one starts from where it should be."""
    lines = texts(problem.reference)
    if len(lines) < 4 or not distinct(lines):
        return None
    place = generator.randrange(1, len(lines) - 2)
    skipped, following = (SHIFT.fullmatch(line) for line in lines[place : place + 2])
    lines[place : place + 2] = [following[0].replace(following[4], skipped[4], 1)]
    return numbered(lines), str(place + 1), dates.MISSING


def no_first_date(problem: Problem, generator: random.Random) -> Wrong | None:
    lines = texts(problem.reference)[1:]
    return (numbered(lines), "1", dates.MISSING) if len(lines) > 1 else None


def too_early(problem: Problem, generator: random.Random) -> Wrong:
    """The final response comes before the last steps."""
    lines = texts(problem.reference)
    kept = generator.randrange(len(lines) - 1)
    return numbered([*lines[:kept], lines[-1]]), FINAL, dates.MISSING


def repeated_first_date(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    again = generator.randrange(1, len(lines))
    lines.insert(again, lines[0])
    return numbered(lines), str(again + 1), dates.REDUNDANT


def repeated_shift(problem: Problem, generator: random.Random) -> Wrong | None:
    lines = texts(problem.reference)
    place = shift_place(lines, generator)
    if place is None:
        return None
    lines.insert(place + 1, lines[place])
    return numbered(lines), str(place + 2), dates.REDUNDANT


def a_shift_too_many(problem: Problem, generator: random.Random) -> Wrong:
    """A correct calculation goes on from the date that the question asks for."""
    lines = texts(problem.reference)
    day, days = lines[-2].removesuffix(".").rsplit(" is ", 1)[1], generator.randint(11, 19)
    lines.insert(-1, f"{days} days after {day} is {later(day, days)}.")
    return numbered(lines), str(len(lines) - 1), dates.REDUNDANT


def other_option(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    lines[-1] = f"So the answer is ({generator.choice([letter for letter in 'ABCDEF' if letter != problem.answer])})."
    return numbered(lines), FINAL, dates.OPTION


def no_such_option(problem: Problem, generator: random.Random) -> Wrong:
    lines = texts(problem.reference)
    lines[-1] = f"So the answer is {generator.choice(['(G)', '(Z)', '(AB)', 'unknown', '1'])}."
    return numbered(lines), FINAL, dates.OPTION


MUTATIONS: tuple[Callable[[Problem, random.Random], Wrong | None], ...] = (
    *(other_first_date, swapped_first_date, other_first_day, other_amount, other_direction, other_unit, miscalculated),
    *(no_such_day, other_base, back_to_the_first_date, skipped_shift, no_first_date, too_early, repeated_first_date),
    *(repeated_shift, a_shift_too_many, other_option, no_such_option),
)
