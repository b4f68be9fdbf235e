"""The oracle against perturbations: each edit of a gold formula comes with its fault, which the oracle must name."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction

import pytest

from stepwise.methods.refiner.domains.formula_edits import number_edits, operator_edits, removals
from stepwise.methods.refiner.domains.formula_perturbation import single_edits
from stepwise.methods.refiner.domains.formula_values import Formula, fingerprint, read_formula
from stepwise.methods.refiner.domains.formulas import FormulaDomain
from stepwise.methods.refiner.feedback import Fault
from stepwise.params import TaskParams
from stepwise.records import Problem
from stepwise.tasks.formats.formulas import FormulaError, evaluate_formula, numbers_of, parse_formula, render_formula
from stepwise.tasks.word_problems import WordProblemsFormula

DOMAIN = FormulaDomain()
KINDS = ("operator", "number", "missing", "extra")
COST = {"operator": 2, "number": 2, "missing": 3, "extra": 3}


def stories(count: int, seed: int = 3) -> list[Problem]:
    params = TaskParams(form="formula", test=count, options={"unseen_share": 0.5})
    return WordProblemsFormula(params, seed).load("test").problems


def gold_of(problem: Problem) -> tuple[Formula, int]:
    numbers = len(numbers_of(problem.question))
    assert problem.reference is not None
    return read_formula(problem.reference.text, numbers), numbers


def value(text: str, numbers: list[str]) -> Fraction | None:
    try:
        return evaluate_formula(parse_formula(text), numbers)
    except FormulaError:
        return None


def check_single_edits(problems: list[Problem], count: int) -> Counter[str]:
    rng = random.Random(0)
    kinds: Counter[str] = Counter()
    for index in range(count):
        problem = problems[index % len(problems)]
        gold, numbers = gold_of(problem)
        by_kind = single_edits(gold, numbers)
        kind = rng.choice(sorted(by_kind))
        fault = rng.choice(sorted(by_kind[kind]))
        text = render_formula(rng.choice(by_kind[kind][fault]))
        for _ in range(3):
            drawn = [str(rng.randint(1000, 10**6)) for _ in range(numbers)]
            assert value(text, drawn) != value(render_formula(gold), drawn), (render_formula(gold), text)
        assert DOMAIN.oracle(problem, text) == (fault,), (render_formula(gold), text)
        assert not DOMAIN.equivalent(problem, text)
        kinds[kind] += 1
    return kinds


def test_the_oracle_names_every_single_fault():
    assert set(check_single_edits(stories(40), 500)) == set(KINDS)


@pytest.mark.slow
def test_the_oracle_names_ten_thousand_single_faults():
    kinds = check_single_edits(stories(600), 10_000)
    assert min(kinds[kind] for kind in KINDS) > 1500


def test_formulas_that_two_faults_lead_to_are_left_out():
    by_kind = single_edits(read_formula("add(n0,n1)|add(#0,n1)", 2), 2)
    texts = {
        kind: [render_formula(f) for formulas in group.values() for f in formulas] for kind, group in by_kind.items()
    }
    assert texts["missing"] == ["add(n1,n1)"], "add(n0,n1) is what is left without either step"
    assert "add(n0,n1)|add(#0,n1)|add(#1,n1)" not in texts["extra"], "any of its steps may be one too many"
    assert "add(n0,n1)|add(#0,n1)|add(#1,n0)" in texts["extra"]


def test_constants_are_written_as_decimals():
    gold = read_formula("multiply(n0,0.01)|multiply(#0,n1)", 3)
    for formulas in (formulas for group in single_edits(gold, 3).values() for formulas in group.values()):
        assert all(read_formula(render_formula(formula), 3) == formula for formula in formulas)


def test_perturbations_have_one_fault_of_their_kind_and_another_value():
    missing: Counter[str] = Counter()
    for problem in stories(40):
        numbers = numbers_of(problem.question)
        for kind in (*KINDS, "unreadable"):
            text = DOMAIN.perturb(problem, kind, random.Random(f"{problem.id}/{kind}"))
            assert text == DOMAIN.perturb(problem, kind, random.Random(f"{problem.id}/{kind}"))
            if text is None:
                missing[kind] += 1
                continue
            assert [fault.kind for fault in DOMAIN.oracle(problem, text)] == [kind]
            if kind != "unreadable":
                assert value(text, numbers) != Fraction(problem.answer)
    assert set(missing) == {"missing"}, "only a formula of one step has no perturbation of some kind"
    assert missing["missing"] == sum(len(gold_of(problem)[0]) == 1 for problem in stories(40))


def test_every_step_and_slot_is_perturbed_alike():
    problem = next(problem for problem in stories(40) if len(gold_of(problem)[0]) == 3)
    rng = random.Random(1)
    named = Counter(DOMAIN.oracle(problem, DOMAIN.perturb(problem, "number", rng) or "") for _ in range(600))
    assert len(named) == 6
    assert all(65 < count < 135 for count in named.values())


def two_edits(gold: Formula, numbers: int, rng: random.Random) -> tuple[Formula, frozenset[Fault]] | None:
    """An edit of any kind, then a wrong operator or number elsewhere; None if nothing is wrong in the end."""
    by_kind = single_edits(gold, numbers)
    first = rng.choice(sorted(by_kind[rng.choice(sorted(by_kind))]))
    formula = rng.choice(by_kind[first.kind][first])
    leaves = [f"n{index}" for index in range(numbers)]
    edits = [*operator_edits(formula)] if rng.random() < 0.5 else [*number_edits(formula, leaves)]
    elsewhere = [
        (fault, edited)
        for fault, edited in edits
        if fault.step != first.step or (first.kind != "extra" and (fault.kind, fault.slot) != (first.kind, first.slot))
    ]
    if not elsewhere:
        return None
    second, both = rng.choice(elsewhere)
    return None if fingerprint(both) in (None, fingerprint(gold)) else (both, frozenset((first, second)))


def test_two_faults_are_named_or_explained_at_no_higher_cost(record_property):
    """Measured: both are named in 92 % of the cases, one fault that explains both in 3 %, other faults in 5 %."""
    rng = random.Random(5)
    outcomes: Counter[str] = Counter()
    for problem in stories(40) * 15:
        gold, numbers = gold_of(problem)
        if (edited := two_edits(gold, numbers, rng)) is None:
            continue
        formula, faults = edited
        named = DOMAIN.oracle(problem, render_formula(formula))
        assert sum(COST[fault.kind] for fault in named) <= sum(COST[fault.kind] for fault in faults)
        outcomes["both" if faults == set(named) else "single" if len(named) == 1 else "other"] += 1
    for outcome, count in outcomes.items():
        record_property(f"two faults, {outcome}", count / outcomes.total())
    assert outcomes["both"] / outcomes.total() > 0.88
    assert outcomes["other"] / outcomes.total() < 0.07


def test_rewriting_a_formula_is_no_fault():
    """n0 - n1 as n0 - (n1 * 1), a + b as a - (0 - b): the same function in another shape."""
    for problem in stories(40):
        gold, _ = gold_of(problem)
        last = len(gold) - 1
        text = render_formula(gold)
        for same in (f"{text}|multiply(#{last},1)", f"{text}|subtract(0,#{last})|subtract(0,#{last + 1})"):
            assert DOMAIN.oracle(problem, same) == ()
            assert DOMAIN.equivalent(problem, same)
            assert not DOMAIN.exact(problem, same)


def test_removing_a_step_keeps_the_results_before_it_in_use():
    formula = read_formula("add(n0,n1)|multiply(#0,n2)|subtract(#1,n3)", 4)
    assert [(index, render_formula(edited)) for index, edited in removals(formula)] == [
        (0, "multiply(n0,n2)|subtract(#0,n3)"),
        (0, "multiply(n1,n2)|subtract(#0,n3)"),
        (1, "add(n0,n1)|subtract(#0,n3)"),
        (2, "add(n0,n1)|multiply(#0,n2)"),
    ]
