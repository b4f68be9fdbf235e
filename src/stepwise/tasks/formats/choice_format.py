"""Checks completions of multiple-choice problems, written as sentences (`n_cot`) or as programs (`p_cot`).

The strict check is ReFT's (arXiv 2401.08967): the text after the answer line, or a program's value as text, equals the
letter. The robust check also accepts other ways of naming the letter, and maps a number to the nearest option. Unlike
in the released code, a failed program and a text that names no option count as no answer rather than a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.records import Form, Problem, Verdict
from stepwise.tasks.answers.choices import LETTERS, nearest_letter
from stepwise.tasks.answers.numbers import ANSWER_TRIGGER, letter, robust_number
from stepwise.tasks.formats.program_text import strict_program, whole_program
from stepwise.tasks.sandbox.programs import Value, run_programs


def check_many(pairs: Sequence[tuple[Problem, str]], form: Form) -> list[Verdict]:
    """Verdicts on (problem, completion) pairs, in order; each problem must have its options."""
    if form == "p_cot":
        return _check_programs(pairs)
    return [
        _verdict(problem, strict_letter_of(text.rsplit(ANSWER_TRIGGER, 1)[-1]), letter_of(text, problem.choices))
        for problem, text in pairs
    ]


def _check_programs(pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
    sources = [whole_program(problem.question, text) for problem, text in pairs]
    strict_sources = [strict_program(problem.question, text) for problem, text in pairs]
    outcomes = run_programs([*sources, *strict_sources])
    return [
        _verdict(
            problem, strict_letter_of(strict.value), letter_of_value(robust.value, problem.choices), robust.isolation
        )
        for (problem, _), robust, strict in zip(pairs, outcomes, outcomes[len(pairs) :], strict=False)
    ]


def strict_letter_of(value: Value) -> str | None:
    """A value as text, lower case, without quotes and outer spaces, if that is the letter of an option."""
    text = str(value).lower().replace('"', "").replace("'", "").strip()
    return text if len(text) == 1 and text in LETTERS else None


def letter_of(text: str, choices: Sequence[str]) -> str | None:
    """The option that a text chooses, by its letter or else by the number after the answer line."""
    _, trigger, tail = text.rpartition(ANSWER_TRIGGER)
    chosen = _of_choices(letter(tail) or letter(trigger + tail), choices)
    if chosen is not None or not trigger:
        return chosen
    number = robust_number(tail)
    return None if number is None else nearest_letter(number, choices)


def letter_of_value(value: Value, choices: Sequence[str]) -> str | None:
    """The option for a program's value: a text's letter or number, or the nearest to a number; no option for a bool."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, str):
        chosen = _of_choices(letter(value), choices)
        number = robust_number(value)
        return chosen if chosen is not None or number is None else nearest_letter(number, choices)
    return nearest_letter(float(value), choices)


def _of_choices(name: str | None, choices: Sequence[str]) -> str | None:
    """A letter in lower case if one of the options has it."""
    return name.lower() if name is not None and name.lower() in LETTERS[: len(choices)] else None


def _verdict(problem: Problem, strict: str | None, robust: str | None, isolation: str = "") -> Verdict:
    return Verdict(
        strict_answer=strict,
        strict_correct=strict == problem.answer,
        answer=robust,
        correct=robust == problem.answer,
        isolation=isolation,
    )
