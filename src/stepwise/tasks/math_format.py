"""How word problems are asked, read and checked in their three forms: sentences, Python programs, linear formulas.

Sources: ReFT (arXiv 2401.08967) for prompts, triggers and the program shape; REFINER (arXiv 2304.01904) for formulas.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stepwise.records import Form, Problem, Prompt, Solution, Step, Verdict
from stepwise.tasks.answers import equal_numbers, robust_number, strict_number
from stepwise.tasks.formulas import FormulaError, evaluate_formula, numbers_of, parse_formula
from stepwise.tasks.programs import run_programs

ANSWER_TRIGGER = "\nTherefore, the answer is: "
STRICT_TOLERANCE = 1e-2
"""ReFT's tolerance, absolute only."""

_ROBUST_TRIGGER = re.compile(r"answer is:?", re.IGNORECASE)
_STOP: dict[Form, tuple[str, ...]] = {
    "n_cot": ("\nQuestion:",),
    "p_cot": ("\nQuestion:", "\ndef "),
    "formula": ("\n",),
}


def stop_strings(form: Form) -> tuple[str, ...]:
    """Strings after which a completion ends. Raises ValueError for a form that word problems do not have."""
    if form not in _STOP:
        raise ValueError(f"word problems have no form {form!r}; choose one of {', '.join(_STOP)}")
    return _STOP[form]


def prompt(question: str, form: Form) -> Prompt:
    """The pieces that a model reads; in `p_cot` the second is the given program header, question as docstring."""
    question = question.strip()
    if form == "formula":
        slots = ", ".join(f"n{i} = {number}" for i, number in enumerate(numbers_of(question)))
        return (f"Question:\n{question}\nNumbers: {slots}\nFormula:\n",)
    asked = f"Question:\n{question}\nAnswer reasoning:\n"
    return (asked, f'def solution():\n    """{question}"""\n') if form == "p_cot" else (asked,)


def reference(body: str, answer: str, form: Form) -> Solution:
    """A reference solution from its body: sentences get the answer line, a program its lines without the header."""
    text = body.strip() + ANSWER_TRIGGER + answer if form == "n_cot" else body.rstrip()
    return Solution(text=text, steps=_steps(text, form), answer=answer)


def program_source(completion: str) -> str:
    """The whole program of a completion: a header where it writes none, and nothing after the function's end."""
    text = completion if "def solution" in completion else "def solution():\n" + completion
    lines = text[text.index("def solution") :].splitlines()
    end = next((i for i, line in enumerate(lines) if i and line[:1].strip()), len(lines))
    return "\n".join(lines[:end]) + "\n"


def parse(text: str, form: Form) -> Solution:
    """A completion as steps and its answer. A formula's answer needs the question, so it is None here."""
    answer: str | None = None
    if form == "n_cot":
        answer = _shown(_robust_spoken(text))
    elif form == "p_cot":
        answer = _shown(robust_number(_value_text(run_programs([program_source(text)])[0].value)))
    return Solution(text=text, steps=_steps(text, form), answer=answer)


def check_many(pairs: Sequence[tuple[Problem, str]], form: Form) -> list[Verdict]:
    """Verdicts of (problem, completion) pairs, in order; equal programs run once, all in one call of the pool."""
    if form == "p_cot":
        return _check_programs(pairs)
    if form == "formula":
        return [_check_formula(problem, text) for problem, text in pairs]
    return [_check_spoken(problem, text) for problem, text in pairs]


def _check_programs(pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
    sources = [program_source(text) for _, text in pairs]
    unique = list(dict.fromkeys(sources))
    outcomes = dict(zip(unique, run_programs(unique), strict=True)) if unique else {}
    verdicts = []
    for (problem, _), source in zip(pairs, sources, strict=True):
        outcome = outcomes[source]
        value = _value_text(outcome.value)
        verdicts.append(_verdict(problem, strict_number(value), robust_number(value), outcome.isolation))
    return verdicts


def _check_formula(problem: Problem, text: str) -> Verdict:
    try:
        value = float(evaluate_formula(parse_formula(text), numbers_of(problem.question)))
    except (FormulaError, OverflowError):
        return Verdict()
    return _verdict(problem, value, value)


def _check_spoken(problem: Problem, text: str) -> Verdict:
    return _verdict(problem, strict_number(text.rpartition(ANSWER_TRIGGER)[2]), _robust_spoken(text))


def _verdict(problem: Problem, strict: float | None, robust: float | None, isolation: str = "") -> Verdict:
    gold = robust_number(problem.answer)
    if gold is None:
        raise ValueError(f"{problem.id}: the gold answer {problem.answer!r} is not a number; load the task anew")
    return Verdict(
        strict_answer=_shown(strict),
        strict_correct=strict is not None and abs(strict - gold) <= STRICT_TOLERANCE,
        answer=_shown(robust),
        correct=robust is not None and equal_numbers(robust, gold),
        isolation=isolation,
    )


def _robust_spoken(text: str) -> float | None:
    """The number after the last `answer is`, or in the last line where none is written."""
    triggers = list(_ROBUST_TRIGGER.finditer(text))
    lines = text.strip().splitlines()
    said = text[triggers[-1].end() :] if triggers else lines[-1] if lines else ""
    return robust_number(said)


def _value_text(value: float | int | str | None) -> str:
    """A program's value as text, empty for none and for integers too long to be an answer (or to be printed)."""
    too_long = isinstance(value, int) and value.bit_length() > 1000
    return "" if value is None or too_long else str(value)


def _shown(number: float | None) -> str | None:
    """One text for equal numbers, so that votes can count it."""
    if number is None:
        return None
    return str(int(number)) if number == number and abs(number) < 1e15 and number == int(number) else repr(number)


def _steps(text: str, form: Form) -> tuple[Step, ...]:
    parts = text.split("|") if form == "formula" else text.splitlines()
    return tuple(Step(text=part.strip()) for part in parts if part.strip())
