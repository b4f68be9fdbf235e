"""Prompt, parsing and check of word problems, as sentences (`n_cot`) or as Python programs (`p_cot`).

The formats and the strict check are those of ReFT (arXiv 2401.08967); the robust check is ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from stepwise.records import Form, Problem, Prompt, Solution, Step, Verdict
from stepwise.tasks.answers.numbers import (
    ANSWER_TRIGGER,
    equal_numbers,
    number_text,
    plain_number,
    robust_number,
    strict_equal,
    strict_number,
)
from stepwise.tasks.formats.program_text import program_header, strict_program, whole_program
from stepwise.tasks.sandbox.programs import Value, run_programs

_STOP: dict[Form, tuple[str, ...]] = {
    "n_cot": ("\nQuestion:",),
    "p_cot": ("\nQuestion:", "\ndef ", "\nprint(", "\n```"),
}
_REPEATED_ANSWER = re.compile(r"\n*Therefore, the answer is <[^<>\n]*>\.?\s*\Z")


def stop_strings(form: Form) -> tuple[str, ...]:
    """Strings that end a completion. Raises ValueError for any other form."""
    if form not in _STOP:
        raise ValueError(f"this task has no form {form!r}; choose one of {', '.join(_STOP)}")
    return _STOP[form]


def prompt(question: str, form: Form) -> Prompt:
    """The pieces that a model reads; in `p_cot` the second is the program header, with the question as docstring."""
    lead_in = f"Question:\n{question.strip()}\nAnswer reasoning:\n"
    return (lead_in, program_header(question)) if form == "p_cot" else (lead_in,)


def reference(body: str, answer: str, form: Form) -> Solution:
    """A reference solution from its body: sentences followed by the answer line, or a program without its header.

    A rationale's own last line `Therefore, the answer is <208>.` is dropped, since the answer line repeats it.
    """
    answer = answer.strip()
    text = body.rstrip()
    if form == "n_cot":
        text = _REPEATED_ANSWER.sub("", body.strip()) + ANSWER_TRIGGER + answer
    return Solution(text=text, steps=_steps(text), answer=answer)


def parse(text: str, form: Form) -> Solution:
    """A completion as steps (its lines) and the robustly read answer; a program is run to get it."""
    is_program = form == "p_cot"
    answer = robust_value(run_programs([whole_program("", text)])[0].value) if is_program else robust_number(text)
    return Solution(text=text, steps=_steps(text), answer=_shown(answer))


def check_many(pairs: Sequence[tuple[Problem, str]], form: Form) -> list[Verdict]:
    """Verdicts on (problem, completion) pairs, in order; equal programs run once, all in one call of the pool."""
    if form == "p_cot":
        return _check_programs(pairs)
    return [_verdict(problem, strict_number(text), robust_number(text)) for problem, text in pairs]


def _check_programs(pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
    """Both checks of programs. The released code's cut rarely changes a program, so most run once for both checks."""
    sources = [whole_program(problem.question, text) for problem, text in pairs]
    strict_sources = [strict_program(problem.question, text) for problem, text in pairs]
    outcomes = run_programs([*sources, *strict_sources])
    return [
        _verdict(problem, strict_value(strict.value), robust_value(robust.value), robust.isolation)
        for (problem, _), robust, strict in zip(pairs, outcomes, outcomes[len(pairs) :], strict=False)
    ]


def gold_number(answer: str) -> float | None:
    """A gold answer as a number: `plain_number` after removing commas and, as in ReFT, spaces inside it."""
    return plain_number(answer.replace(",", "").replace(" ", ""))


def strict_value(value: Value) -> float | None:
    """A program's value as the released code reads it: whatever `float` accepts, including True and "18"."""
    return plain_number(value) if isinstance(value, str) else None if value is None else float(value)


def robust_value(value: Value) -> float | None:
    """A program's value as a number: unlike `strict_value`, it reads a text robustly and does not count a bool."""
    if value is None or isinstance(value, bool):
        return None
    return robust_number(value) if isinstance(value, str) else float(value)


def agrees(rationale: str, answer: float) -> bool:
    """Whether the answer that a rationale states (`the answer is <208>.`) is this number."""
    return equal_numbers(robust_number(rationale), answer)


def _verdict(problem: Problem, strict: float | None, robust: float | None, isolation: str = "") -> Verdict:
    gold = gold_number(problem.answer)
    if gold is None:
        raise ValueError(f"{problem.id}: the gold answer {problem.answer!r} is not a number; load the task again")
    return Verdict(
        strict_answer=_shown(strict),
        strict_correct=strict_equal(strict, gold),
        answer=_shown(robust),
        correct=equal_numbers(robust, gold),
        isolation=isolation,
    )


def _shown(number: float | None) -> str | None:
    """One text for equal numbers, so that votes can be counted."""
    return None if number is None else number_text(number)


def _steps(text: str) -> tuple[Step, ...]:
    """Lines as steps, without the line that only states the answer."""
    reasoning, trigger, last = text.rpartition(ANSWER_TRIGGER)
    reasoning = reasoning if trigger else last
    return tuple(Step(text=line.strip()) for line in reasoning.splitlines() if line.strip())
