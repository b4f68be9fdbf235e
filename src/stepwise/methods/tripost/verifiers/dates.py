"""Date understanding: the first error of a rationale, found by following the question's shifts on the calendar.

TriPosT judges this task with a language model (section 3.2). Questions in the task's own words say all that is needed:
the stated day, the shifts in their order, and the options. The gold answer is not used.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from typing import cast

from stepwise.methods.tripost.verifiers.walk import UnreadableStepError, WrongStepError, first_error
from stepwise.records import Feedback, Problem, Solution
from stepwise.tasks.answers.named_option import LETTERS
from stepwise.tasks.date_understanding import stated
from stepwise.tasks.generated.date_days import described
from stepwise.tasks.generated.date_questions import days_of, read_question
from stepwise.tasks.generated.dates import Shift, Unit, read_date, written
from stepwise.tasks.generated.scripted import FINAL

START = "start"
"""The first date is not the day that the question states."""
BASE = "base"
"""A shift does not start from the date of the step before."""
SHIFT = "shift"
"""A shift is not the question's."""
CALENDAR = "calendar"
"""The date after a shift is wrong."""
MISSING = "missing"
"""Something that the question says has been skipped."""
REDUNDANT = "redundant"
"""The step repeats an earlier one, or goes on from the date that the question asks for."""
OPTION = "option"
"""The option that is chosen has another date, or does not exist."""

_DAY = "[0-9]{1,4}/[0-9]{1,4}/[0-9]{1,6}"
_SHIFT = re.compile(rf"(([0-9]{{1,4}}) (day|week|month|year)s? (after|before)) ({_DAY}) is ({_DAY})\.?")
_START = re.compile(rf"(.+) is ({_DAY})\.?")
_ANSWER = re.compile(r".*?(the answer is:? (.+?))\.?")
_LETTER = re.compile(r"\(?([A-Z])\)?", re.IGNORECASE)


class DateVerifier:
    """A Verifier of date understanding. It judges only questions in the words of the task's generator."""

    def verify(self, problem: Problem, solution: Solution) -> Feedback | None:
        """The first error of the attempt; see roles.Verifier."""
        walk = date_walk(problem)
        return None if walk is None else first_error(walk, solution.steps)


class DateWalk:
    """Where the steps read so far have led; a walk.Reader."""

    def __init__(self, stated_step: str, start: date, shifts: Sequence[Shift], choices: Sequence[str]):
        self.stated_step = stated_step
        """What the first step should say."""
        self.start = start
        self.remaining = list(shifts)
        """The question's shifts that have not been taken yet."""
        self.choices = choices
        self.day: date | None = None
        """The date of the last step."""
        self.steps = 0
        self.finished = False
        self._step_of: dict[tuple[str, str], int] = {}
        """The number of the step that took a shift from a date, both as text."""

    def read(self, step_id: str, text: str) -> None:
        """Read the next step. Raises WrongStepError or UnreadableStepError."""
        if step_id == FINAL:
            self._answer(text)
            self.finished = True
            return
        self.steps += 1
        if step_id != str(self.steps):
            raise UnreadableStepError
        if match := _SHIFT.fullmatch(text):
            self._shift(match)
        elif match := _START.fullmatch(text):
            self._state(text, match[1], match[2])
        else:
            raise UnreadableStepError

    def option(self) -> str | None:
        """The letter of the option that has the date of the last step, the first if several have it."""
        dates = [read_date(choice) for choice in self.choices]
        return LETTERS[dates.index(self.day)] if self.day in dates else None

    def _state(self, line: str, day: str, result: str) -> None:
        expected = self.stated_step.rpartition(" is ")[0]
        same = day.lower() == expected.lower()
        if self.day is not None:
            if not same and described(day) is None:
                raise UnreadableStepError
            raise WrongStepError(REDUNDANT, line, "the date of the stated day is already known from step (1)")
        if not same:
            raise WrongStepError(START, f"{day} is", f"the question states another day: {expected}")
        if read_date(result) != self.start:
            raise WrongStepError(START, f"is {result}", f"{expected} is {written(self.start)}")
        self.day = self.start

    def _shift(self, match: re.Match[str]) -> None:
        words, number, unit, direction, base, result = match.groups()
        shift = Shift(int(number) if direction == "after" else -int(number), cast(Unit, unit))
        move = f"{words} {base}"
        if self.day is None:
            raise WrongStepError(MISSING, move, "no step has said which date the stated day is")
        expected = self.remaining[0] if self.remaining else None
        right_base = read_date(base) == self.day
        if expected is None or not expected.same(shift) or not right_base:
            self._not_taken_before(shift, move, base)
        if expected is None:
            reason = f"{written(self.day)} is already the date that the question asks for"
            raise WrongStepError(REDUNDANT, move, reason)
        if not expected.same(shift):
            if any(later.same(shift) for later in self.remaining[1:]):
                reason = f"the question says {expected} {written(self.day)} before that"
                raise WrongStepError(MISSING, move, reason)
            raise WrongStepError(SHIFT, words, f"the question says {expected} {written(self.day)}")
        if not right_base:
            segment = f"{direction} {base}"
            raise WrongStepError(BASE, segment, f"step ({self.steps - 1}) has led to {written(self.day)}")
        after = expected.shifted(self.day)
        if read_date(result) != after:
            raise WrongStepError(CALENDAR, f"is {result}", f"{expected} {base} is {written(after)}")
        self.remaining.pop(0)
        self._step_of[str(shift), base] = self.steps
        self.day = after

    def _not_taken_before(self, shift: Shift, move: str, base: str) -> None:
        step = self._step_of.get((str(shift), base))
        if step is not None:
            raise WrongStepError(REDUNDANT, move, f"step ({step}) has already said which date that is")

    def _answer(self, text: str) -> None:
        match = _ANSWER.fullmatch(text)
        if match is None:
            raise UnreadableStepError
        if self.day is None:
            raise WrongStepError(MISSING, match[1], "no step has said which date the stated day is")
        if self.remaining:
            reason = f"the question goes on: it asks for the date {self.remaining[0]} {written(self.day)}"
            raise WrongStepError(MISSING, match[1], reason)
        letter = _LETTER.fullmatch(match[2])
        place = LETTERS.find(letter[1].upper()) if letter else -1
        if not 0 <= place < len(self.choices):
            raise WrongStepError(OPTION, match[1], "that is not the letter of an option")
        if read_date(self.choices[place]) != self.day:
            reason = f"option ({LETTERS[place]}) is {self.choices[place]}, but step ({self.steps}) has led to"
            raise WrongStepError(OPTION, match[1], f"{reason} {written(self.day)}")


def date_walk(problem: Problem) -> DateWalk | None:
    """A walk along a problem's question; None if the question is not in the task's own words or leads to no day."""
    question = read_question(problem.question)
    if question is None:
        return None
    try:
        days_of(question)
    except ValueError:
        return None
    return DateWalk(stated(question), question.start, question.shifts, problem.choices)
