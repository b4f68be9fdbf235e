"""Rows of known kinds: balanced, different, of problems that are apart; and noise in the oracle's feedback."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

import pytest
from pydantic import ValidationError

from stepwise.methods.refiner.feedback import NO_FAULT, RIGHT, Fault
from stepwise.methods.refiner.perturbation import counts, critic_rows, labelled, noisy, perturbed, split
from stepwise.params.refiner import PerturbParams
from stepwise.records import Problem, Trajectory
from tests.methods.refiner.digits import DigitDomain, DigitTask, problem

DOMAIN, TRAIN = DigitDomain(), DigitTask().load("train").problems


def kinds(rows: list[Trajectory]) -> Counter[str]:
    return Counter(turn.feedback.kind for row in rows for turn in row.turns if turn.feedback)


def test_problems_are_split_in_order_and_by_seed() -> None:
    learned, held_out = split(TRAIN, 0.25, 1)
    assert (len(learned), len(held_out)) == (9, 3)
    assert sorted(learned + held_out, key=lambda item: item.id) == TRAIN
    assert learned == [item for item in TRAIN if item in learned]
    assert split(TRAIN, 0.25, 1) == (learned, held_out)
    assert split(TRAIN, 0.25, 2) != (learned, held_out)
    assert [len(part) for part in split(TRAIN, 0.001, 1)] == [11, 1]
    assert [len(part) for part in split([TRAIN[0], TRAIN[1].model_copy(update={"reference": None})], 0.5, 1)] == [1, 0]


def test_kinds_are_balanced_where_there_are_enough_wrong_solutions() -> None:
    # 24 rows, of which 6 are right and 18 wrong; 6 problems have a wrong count, 1 each
    rows = perturbed(DOMAIN, TRAIN, PerturbParams(rows=2, right_share=0.25), seed=1)
    assert kinds(rows) == {"": 6, "count": 6, "digit": 12}
    # 12 wrong ones: 6 of each kind
    rows = perturbed(DOMAIN, TRAIN, PerturbParams(rows=2, right_share=0.5), seed=1)
    assert kinds(rows) == {"": 12, "count": 6, "digit": 6}
    assert counts(rows) == {"rows": 24.0, "rows_count": 6.0, "rows_digit": 6.0, "rows_right": 12.0}


def test_every_wrong_solution_there_is_ends_the_search() -> None:
    # a digit of 1..6 other than both: 4 (or 5 where they are equal) in 2 places, for each of 12 problems
    rows = perturbed(DOMAIN, TRAIN, PerturbParams(rows=100, right_share=0.0), seed=1)
    assert kinds(rows)["count"] == 6
    assert kinds(rows)["digit"] <= 12 * 8 + 2 * 2
    assert len({(row.problem_id, row.turns[0].solution.text) for row in rows}) == len(rows)


def test_feedback_is_the_oracle_s() -> None:
    by_id = {item.id: item for item in TRAIN}
    for row in perturbed(DOMAIN, TRAIN, PerturbParams(rows=4), seed=1):
        solution, feedback = row.turns[0].solution, row.turns[0].feedback
        assert feedback is not None
        faults = DOMAIN.oracle(by_id[row.problem_id], solution.text)
        assert feedback.text == DOMAIN.templates.render(faults)
        assert [fault.kind for fault in faults] == [feedback.kind] * bool(feedback.kind)
        assert (feedback.text == NO_FAULT) == (solution.text == by_id[row.problem_id].answer)


def test_rows_depend_on_the_seed_alone() -> None:
    params = PerturbParams(rows=2)
    assert perturbed(DOMAIN, TRAIN, params, seed=1) == perturbed(DOMAIN, TRAIN, params, seed=1)
    assert perturbed(DOMAIN, TRAIN, params, seed=1) != perturbed(DOMAIN, TRAIN, params, seed=2)


def test_more_right_rows_than_right_solutions_are_an_error() -> None:
    assert PerturbParams(rows=4, right_share=0.25)
    with pytest.raises(ValidationError, match=r"right_share 0\.3 of 4 rows .* take at most 0\.25"):
        PerturbParams(rows=4, right_share=0.3)


class ListedDigits(DigitDomain):
    """There are published solutions of problems that begin with a 1."""

    def listed(self, problem: Problem) -> Sequence[tuple[str, str]]:
        return [(problem.answer, RIGHT), ("6 6", "digit"), ("7", "count")] if problem.answer[0] == "1" else ()


def test_published_solutions_take_the_place_of_perturbed_ones() -> None:
    rows = critic_rows(ListedDigits(), TRAIN, PerturbParams(rows=2), seed=1)
    assert kinds(rows) == {"": 6, "digit": 6, "count": 6}
    assert rows[1] == labelled(DOMAIN, problem(1, 1), "6 6", "digit")
    assert critic_rows(DOMAIN, TRAIN, PerturbParams(rows=2), seed=1) == perturbed(
        DOMAIN, TRAIN, PerturbParams(rows=2), seed=1
    )


def test_a_labelled_solution_names_all_its_faults() -> None:
    row = labelled(DOMAIN, problem(1, 2), "3 4", "digit")
    assert row.turns[0].feedback is not None
    assert row.turns[0].feedback.text == "Digit #0 is wrong. Digit #1 is wrong."


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_noise_replaces_feedback_by_that_on_another_error(chance: float) -> None:
    truth = (Fault("digit", "#0"),)
    drawn = [noisy(DOMAIN, problem(1, 2), truth, chance, random.Random(seed)) for seed in range(400)]
    replaced = [faults for faults in drawn if faults != truth]
    assert len(replaced) / 400 == pytest.approx(chance, abs=0.07)
    assert set(replaced) <= {(Fault("digit", "#1"),), (Fault("count"),)}
    assert len(set(replaced)) == 2 * bool(chance)
