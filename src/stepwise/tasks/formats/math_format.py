"""How word problems are asked, read and checked as sentences (`n_cot`) or as Python programs (`p_cot`).

Formats and the strict check are those of ReFT (arXiv 2401.08967); the robust check is ours.
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
    """Strings after which a completion ends. Raises ValueError for a form that is not one of the two."""
    if form not in _STOP:
        raise ValueError(f"this task has no form {form!r}; choose one of {', '.join(_STOP)}")
    return _STOP[form]


def prompt(question: str, form: Form) -> Prompt:
    """The pieces that a model reads; in `p_cot` the second is the given program header, question as docstring."""
    asked = f"Question:\n{question.strip()}\nAnswer reasoning:\n"
    return (asked, program_header(question)) if form == "p_cot" else (asked,)


def reference(body: str, answer: str, form: Form) -> Solution:
    """A reference solution from its body: sentences get the answer line, a program is its lines without the header.

    A rationale's own last line `Therefore, the answer is <208>.` is left out: the answer line says it again.
    """
    answer = answer.strip()
    text = body.rstrip()
    if form == "n_cot":
        text = _REPEATED_ANSWER.sub("", body.strip()) + ANSWER_TRIGGER + answer
    return Solution(text=text, steps=_steps(text), answer=answer)


def parse(text: str, form: Form) -> Solution:
    """A completion as steps (its lines) and the robustly read answer, for which a program is run."""
    is_program = form == "p_cot"
    answer = robust_value(run_programs([whole_program("", text)])[0].value) if is_program else robust_number(text)
    return Solution(text=text, steps=_steps(text), answer=_shown(answer))


def check_many(pairs: Sequence[tuple[Problem, str]], form: Form) -> list[Verdict]:
    """Verdicts of (problem, completion) pairs, in order; equal programs run once, all in one call of the pool."""
    if form == "p_cot":
        return _check_programs(pairs)
    return [_verdict(problem, strict_number(text), robust_number(text)) for problem, text in pairs]


def _check_programs(pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
    """Both checks of programs. What the released code cuts off differs rarely, so most programs run once for both."""
    sources = [whole_program(problem.question, text) for problem, text in pairs]
    strict_sources = [strict_program(problem.question, text) for problem, text in pairs]
    outcomes = run_programs([*sources, *strict_sources])
    return [
        _verdict(problem, strict_value(strict.value), robust_value(robust.value), robust.isolation)
        for (problem, _), robust, strict in zip(pairs, outcomes, outcomes[len(pairs) :], strict=False)
    ]


def gold_number(answer: str) -> float | None:
    """A gold answer as a number; commas and spaces are removed, as in ReFT."""
    return plain_number(answer.replace(",", "").replace(" ", ""))


def strict_value(value: Value) -> float | None:
    """A program's value as the released code reads it: whatever `float` takes, True and "18" included."""
    return plain_number(value) if isinstance(value, str) else None if value is None else float(value)


def robust_value(value: Value) -> float | None:
    """A program's value as a number: a text is read robustly, and a truth value is none."""
    if value is None or isinstance(value, bool):
        return None
    return robust_number(value) if isinstance(value, str) else float(value)


def shown(number: float) -> str:
    """A number as answers are written, one text for equal numbers, so that votes can count it."""
    return number_text(number)


def agrees(rationale: str, answer: float) -> bool:
    """Whether a rationale that states its own answer (`the answer is <208>.`) states this one."""
    return equal_numbers(robust_number(rationale), answer)


def _verdict(problem: Problem, strict: float | None, robust: float | None, isolation: str = "") -> Verdict:
    gold = gold_number(problem.answer)
    if gold is None:
        raise ValueError(f"{problem.id}: the gold answer {problem.answer!r} is not a number; load the task anew")
    return Verdict(
        strict_answer=_shown(strict),
        strict_correct=strict_equal(strict, gold),
        answer=_shown(robust),
        correct=equal_numbers(robust, gold),
        isolation=isolation,
    )


def _shown(number: float | None) -> str | None:
    """One text for equal numbers, so that votes can count it."""
    return None if number is None else number_text(number)


def _steps(text: str) -> tuple[Step, ...]:
    """Lines as steps; the line that only gives the answer is none."""
    reasoning, trigger, last = text.rpartition(ANSWER_TRIGGER)
    reasoning = reasoning if trigger else last
    return tuple(Step(text=line.strip()) for line in reasoning.splitlines() if line.strip())
