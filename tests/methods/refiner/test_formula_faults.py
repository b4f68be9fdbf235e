"""The oracle of formulas: what it names, and when it is silent."""

from __future__ import annotations

from itertools import product

import pytest

from stepwise.methods.refiner.domains.base import DomainError
from stepwise.methods.refiner.domains.formula_values import fingerprint
from stepwise.methods.refiner.domains.formulas import FormulaDomain
from stepwise.methods.refiner.domains.registry import domain_of
from stepwise.params import ParamsError
from stepwise.records import Problem, Solution
from stepwise.tasks.formats.formulas import SIGNS, FormulaError, Operation, evaluate_formula

DOMAIN = FormulaDomain()


def problem(gold: str | None, numbers: int = 4) -> Problem:
    question = " and ".join(str(7 + 3 * i) for i in range(numbers))
    reference = None if gold is None else Solution(text=gold)
    return Problem(id="p", task="t", split="test", question=question, answer="0", reference=reference)


def feedback(gold: str, hypothesis: str, numbers: int = 4) -> str:
    return DOMAIN.templates.render(DOMAIN.oracle(problem(gold, numbers), hypothesis))


@pytest.mark.parametrize(
    ("hypothesis", "text"),
    [
        ("subtract(n0,n1)|divide(#0,n2)", "No hint."),
        ("add(n0,n1)|divide(#0,n2)", "The operator in #0 is incorrect."),
        ("subtract(n0,n1)|divide(#0,n3)", "The second number in #1 is incorrect."),
        ("subtract(n1,n0)|divide(#0,n2)", "The first number in #0 is incorrect. The second number in #0 is incorrect."),
        ("subtract(n0,n1)", "An operator is missing at #1."),
        ("divide(n0,n2)", "An operator is missing at #0."),
        ("subtract(n0,n1)|divide(#0,n2)|add(#1,n3)", "The operator in #2 is not needed."),
        ("add(n0,n3)|subtract(#0,n1)|divide(#1,n2)", "The operator in #0 is not needed."),
        ("subtract(n0,n1)|divide(#0,n2", "Step #1 cannot be read."),
        ("subtract(n0,n9)|divide(#0,n2)", "Step #0 cannot be read."),
        ("subtract(n0,n1)|divide(#1,n2)", "Step #1 cannot be read."),
        ("", "Step #0 cannot be read."),
    ],
)
def test_worked_examples(hypothesis, text):
    assert feedback("subtract(n0,n1)|divide(#0,n2)", hypothesis) == text


@pytest.mark.parametrize(
    ("gold", "hypothesis"),
    [
        ("add(n0,n1)|multiply(#0,n2)", " multiply( n0, n2 ) | multiply(n2,n1) | add(#1,#0) "),
        ("subtract(n0,n1)|subtract(#0,n2)", "add(n1,n2)|subtract(n0,#0)"),
        ("divide(n0,n1)|divide(#0,n2)", "multiply(n2,n1)|divide(n0,#0)"),
        ("multiply(n0,2)", "add(n0,n0)"),
        ("multiply(n0,0.5)", "divide(n0,2)"),
        ("multiply(n0,n1)", "divide(1,n1)|divide(n0,#0)"),
    ],
)
def test_formulas_that_compute_the_same_are_equivalent_but_not_exact(gold, hypothesis):
    assert DOMAIN.oracle(problem(gold), hypothesis) == ()
    assert DOMAIN.equivalent(problem(gold), hypothesis)
    assert not DOMAIN.exact(problem(gold), hypothesis)


@pytest.mark.parametrize(
    ("gold", "hypothesis"),
    [
        ("add(n0,n1)|subtract(#0,n2)", "add(n1, n0) | subtract(#0,n2)"),
        ("multiply(n0,n1)|multiply(n2,n3)|add(#0,#1)", "multiply(n3,n2)|multiply(n0,n1)|add(#1,#0)"),
        ("multiply(n0,2)", "multiply(2.0,n0)"),
        ("add(n0,n1)|multiply(#0,n2)", "add(n00,n1)|multiply(#000,n2)"),
    ],
)
def test_blanks_commutative_operands_and_independent_steps_do_not_matter(gold, hypothesis):
    assert DOMAIN.exact(problem(gold), hypothesis)
    assert DOMAIN.equivalent(problem(gold), hypothesis)
    assert DOMAIN.oracle(problem(gold), hypothesis) == ()


def test_fingerprints_tell_functions_apart_as_exact_values_do():
    """All formulas of two operations on two numbers and a constant: 36 first by 64 second operations."""
    leaves = ("n0", "n1", "2")
    first = [Operation(*parts) for parts in product(SIGNS, leaves, leaves)]
    second = [Operation(*parts) for parts in product(SIGNS, (*leaves, "#0"), (*leaves, "#0"))]
    by_fingerprint: dict[int | None, set[object]] = {}
    for formula in product(first, second):
        values = tuple(exact_value(formula, numbers) for numbers in (("1009", "2003"), ("30011", "4001")))
        by_fingerprint.setdefault(fingerprint(formula), set()).add(values)
    assert by_fingerprint.pop(None) == {(None, None)}
    assert all(len(values) == 1 for values in by_fingerprint.values())
    assert len(set.union(*by_fingerprint.values())) == len(by_fingerprint)


def exact_value(formula, numbers):
    try:
        return evaluate_formula(formula, numbers)
    except FormulaError:
        return None


def test_a_division_by_what_is_always_zero_is_wrong():
    gold, hypothesis = problem("subtract(n0,n1)"), "subtract(n0,n0)|divide(n1,#0)"
    assert not DOMAIN.equivalent(gold, hypothesis)
    assert DOMAIN.oracle(gold, hypothesis)


def test_a_fault_is_named_where_it_can_be_repaired():
    """Steps in the wrong order are one step to insert and one to drop, not operands that refer to later steps."""
    gold = "add(n0,n1)|multiply(#0,n2)|subtract(#1,n3)|divide(#2,2)"
    text = feedback(gold, "add(n0,n1)|subtract(#0,n3)|multiply(#1,n2)|divide(#2,2)")
    assert text == "An operator is missing at #1. The operator in #2 is not needed."


@pytest.mark.parametrize(
    ("hypothesis", "text"),
    [
        ("multiply(n2,n3)|add(n0,#0)", "An operator is missing at #0."),
        ("multiply(n0,n1)|add(#0,n2)", "An operator is missing at #1."),
        ("multiply(n0,n1)|multiply(n2,n3)", "An operator is missing at #2."),
        ("add(n0,n2)", "An operator is missing at #0. An operator is missing at #1."),
        ("multiply(n2,n3)", "An operator is missing at #0. An operator is missing at #2."),
    ],
)
def test_a_missing_step_has_the_number_that_it_gets(hypothesis, text):
    assert feedback("multiply(n0,n1)|multiply(n2,n3)|add(#0,#1)", hypothesis) == text


def test_a_very_long_formula_is_judged():
    long = "multiply(n0,n0)" + "".join(f"|multiply(#{i},#{i})" for i in range(500))
    faults = DOMAIN.oracle(problem("multiply(n0,n0)|multiply(#0,#0)"), long)
    assert {fault.kind for fault in faults} == {"extra"}
    assert len(faults) == 499


@pytest.mark.parametrize("reference", [None, "n0", "add(n0,n7)"])
def test_a_problem_needs_a_readable_reference(reference):
    with pytest.raises(DomainError, match="problem p"):
        DOMAIN.oracle(problem(reference), "add(n0,n1)")


def test_a_task_without_a_domain_is_refused_by_name():
    assert isinstance(domain_of("word_problems_formula"), FormulaDomain)
    with pytest.raises(ParamsError, match=r"gsm8k.*word_problems_formula"):
        domain_of("gsm8k")
