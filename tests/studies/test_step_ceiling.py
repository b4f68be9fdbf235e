from __future__ import annotations

import pytest

from stepwise.methods.rationalyst.inference.state import PartialSolution
from stepwise.records import Problem, Solution
from studies.step_ceiling import agrees

PROBLEM = Problem(
    id="p", task="t", split="test", question="?", answer="9",
    reference=Solution(text="It is 3 + 4 = 7 pears.\nWith 2 more it is 9.\nTherefore, the answer is: 9", answer="9"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("before", "step", "agreeing"),
    [
        ((), "In all there are 3 + 4 = 7.", True),
        ((), "In all there are 3 + 4 = 8.", False),
        ((), "With 2 more it is 9.", False),
        (("a",), "With 2 more it is 9.", True),
        (("a", "b", "c"), "Therefore, the answer is: 9", False),
    ],
)
def test_a_step_agrees_by_its_numbers_at_its_place(before: tuple[str, ...], step: str, agreeing: bool) -> None:
    assert agrees(PartialSolution(PROBLEM, before), step) is agreeing
