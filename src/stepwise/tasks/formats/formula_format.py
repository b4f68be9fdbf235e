"""Word problems as linear formulas, after REFINER (arXiv 2304.01904): prompt, parsing and check."""

from __future__ import annotations

from collections.abc import Sequence

from stepwise.records import Problem, Prompt, Solution, Step, Verdict
from stepwise.tasks.answers.numbers import equal_numbers, number_text, strict_equal
from stepwise.tasks.formats.formulas import FormulaError, evaluate_formula, numbers_of, parse_formula

STOP = ("\n",)


def prompt(question: str) -> Prompt:
    """The question, its numbers with their slot names, and the lead-in, in one piece."""
    slots = ", ".join(f"n{i} = {number}" for i, number in enumerate(numbers_of(question)))
    return (f"Question:\n{question.strip()}\nNumbers: {slots}\nFormula:\n",)


def solution(text: str, answer: str | None = None) -> Solution:
    """A formula with one step per operation. It has no value without its question, so a completion's answer is None."""
    steps = tuple(Step(id=f"#{i}", text=part.strip()) for i, part in enumerate(text.strip().split("|")) if part.strip())
    return Solution(text=text, steps=steps, answer=answer)


def check_many(pairs: Sequence[tuple[Problem, str]]) -> list[Verdict]:
    """Verdicts on (problem, completion) pairs by the formula's value; a formula without a value is wrong."""
    return [_verdict(problem, text) for problem, text in pairs]


def _verdict(problem: Problem, text: str) -> Verdict:
    try:
        value = float(evaluate_formula(parse_formula(text), numbers_of(problem.question)))
    except (FormulaError, OverflowError):
        return Verdict()
    gold, shown = float(problem.answer), number_text(value)
    return Verdict(
        strict_answer=shown,
        strict_correct=strict_equal(value, gold),
        answer=shown,
        correct=equal_numbers(value, gold),
    )
