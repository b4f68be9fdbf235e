"""The oracle of formulas on mistakes written by hand, each with the faults that a reader would name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepwise.methods.refiner.domains.formulas import FormulaDomain
from stepwise.records import Problem, Solution

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "cases" / "formula_faults.jsonl").read_text(encoding="utf-8").splitlines()
]
SINGLE = [case for case in CASES if len(case["faults"]) == 1]
SEVERAL = [case for case in CASES if len(case["faults"]) > 1]
SILENT = [case for case in CASES if not case["faults"]]


def named(case: dict) -> list[str]:
    problem = Problem(
        id="case",
        task="cases",
        split="test",
        question="11, 13, 17, 19, 23 and 29",
        answer="0",
        reference=Solution(text=case["gold"]),
    )
    faults = FormulaDomain().oracle(problem, case["hypothesis"])
    return [" ".join(filter(None, (fault.kind, fault.step, fault.slot))) for fault in faults]


def test_the_cases_are_many_and_different():
    assert len({(case["gold"], case["hypothesis"]) for case in CASES}) == len(CASES)
    assert (len(SINGLE), len(SEVERAL), len(SILENT)) == (172, 55, 32)


@pytest.mark.parametrize("cases", [SINGLE, SEVERAL, SILENT], ids=["one fault", "several faults", "equivalent"])
def test_every_case_gets_its_faults(cases):
    wrong = [(case, names) for case in cases if (names := named(case)) != case["faults"]]
    assert not wrong
