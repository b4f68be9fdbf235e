"""How many gold rationales a core verifies in a second. Run as a script to see the figures on an idle machine."""

import time
from collections.abc import Callable, Sequence

import pytest

from stepwise.methods.tripost.verifiers.arithmetic import ArithmeticVerifier
from stepwise.methods.tripost.verifiers.dates import DateVerifier
from stepwise.methods.tripost.verifiers.deduction import DeductionVerifier
from stepwise.methods.tripost.verifiers.sorting import SortingVerifier
from stepwise.records import Problem
from tests.methods.tripost.verifiers.attempts import DEPTHS, arithmetic_task, date_task, deduction_task, sorting_task


def verifications_a_second(problems: Sequence[Problem], verify: Callable) -> float:
    """Verifications in a second of processor time, the best of three rounds."""
    rounds = []
    for _ in range(3):
        start = time.process_time()
        for problem in problems:
            verify(problem, problem.reference)
        rounds.append(len(problems) / (time.process_time() - start))
    return max(rounds)


def measure() -> dict[str, float]:
    """Verifications in a second by kind of problem."""
    lengths = [3, 4, 5, 6]
    figures = {}
    for name, depths in (("arithmetic, twelve cells", DEPTHS), ("arithmetic, depth [2]", [[2]])):
        task = arithmetic_task(480, 9, test_lengths=lengths, test_depths=depths)
        figures[name] = verifications_a_second(task.load("test").problems, ArithmeticVerifier().verify)
    figures["sorting, 2 to 20 words"] = verifications_a_second(
        sorting_task(380, 9).load("test").problems, SortingVerifier().verify
    )
    figures["dates, 1 to 4 steps"] = verifications_a_second(
        date_task(400, 9).load("test").problems, DateVerifier().verify
    )
    figures["deduction, 3 to 7 objects"] = verifications_a_second(
        deduction_task(300, 9).load("test").problems, DeductionVerifier().verify
    )
    return figures


@pytest.mark.slow
@pytest.mark.alone
def test_verification_is_not_what_a_round_waits_for():
    figures = measure()
    for name, figure in figures.items():
        print(f"{name}: {figure:,.0f} verifications a second")
    assert min(figures.values()) > 200


if __name__ == "__main__":
    for name, figure in measure().items():
        print(f"{name}: {figure:,.0f} verifications a second")
