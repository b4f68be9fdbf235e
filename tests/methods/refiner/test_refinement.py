"""The turns that a problem is learned from, by hand: exploration, skipping, copies, weights, noise."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from stepwise.evaluation import EvaluationError
from stepwise.generation.base import Sampling
from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.refiner.refinement import Revision, by_problem, chosen, explore, solved_by_turn, turn_examples
from stepwise.params.refiner import RefinerTraining
from stepwise.records import Prompt
from tests.methods.refiner.digits import DigitDomain, DigitTask, problem

TASK, DOMAIN = DigitTask(), DigitDomain()
PROBLEM = problem(1, 2)
FIRST, SECOND, BOTH = "Digit #0 is wrong.", "Digit #1 is wrong.", "Digit #0 is wrong. Digit #1 is wrong."


class Script:
    """Attempts by turn: what is written at each prompt, in order."""

    def __init__(self, *turns: Sequence[Sequence[str]]) -> None:
        self.turns = list(turns)
        self.calls: list[tuple[list[Prompt], int]] = []

    def __call__(self, prompts: Sequence[Prompt], count: int) -> Sequence[Sequence[str]]:
        self.calls.append((list(prompts), count))
        return self.turns.pop(0)


def revision(turn: int, attempt: str, feedback: str) -> Revision:
    return Revision(problem_id=PROBLEM.id, turn=turn, attempt=attempt, feedback=feedback)


def test_all_different_wrong_attempts_are_learned_from_and_continued() -> None:
    script = Script([["3 2", "1 2", "3 2\n", "1 4"]], [["1 5"], ["1 2"]])
    revisions = explore(TASK, DOMAIN, [PROBLEM], script, RefinerTraining(turns=3, samples=4), "1")
    assert revisions == [revision(2, "3 2", FIRST), revision(2, "1 4", SECOND), revision(3, "1 5", SECOND)]
    (prompt,) = TASK.prompt(PROBLEM)
    assert script.calls == [
        ([(prompt,)], 4),
        ([(prompt, f"3 2\nFeedback: {FIRST}\nCopied:\n"), (prompt, f"1 4\nFeedback: {SECOND}\nCopied:\n")], 1),
    ]


def test_the_last_turn_is_not_sampled_and_nothing_when_all_is_solved() -> None:
    plain = Script()
    assert explore(TASK, DOMAIN, [PROBLEM], plain, RefinerTraining(turns=1), "1") == []
    assert plain.calls == []
    solved = Script([["1 2"]])
    assert explore(TASK, DOMAIN, [PROBLEM], solved, RefinerTraining(turns=4, samples=1), "1") == []
    assert len(solved.calls) == 1


def test_right_attempts_can_be_learned_from_too() -> None:
    params = RefinerTraining(turns=2, samples=2, skip_solved=False)
    assert explore(TASK, DOMAIN, [PROBLEM], Script([["1 2", "3 2"]]), params, "1") == [
        revision(2, "1 2", "No hint."),
        revision(2, "3 2", FIRST),
    ]


def test_regret_takes_the_wrong_attempt_with_the_fewest_faults() -> None:
    params = RefinerTraining(turns=3, samples=3, exploration="regret")
    script = Script([["3 4", "1 4", "1 2"]], [["3 4", "4 2", "4 4"]])
    revisions = explore(TASK, DOMAIN, [PROBLEM], script, params, "1")
    assert revisions == [revision(2, "1 4", SECOND), revision(3, "4 2", FIRST)]
    assert [count for _, count in script.calls] == [3, 3]


def test_random_takes_an_attempt_by_how_often_it_is_written() -> None:
    params = RefinerTraining(exploration="random")
    texts = ["3 2", "3 2", "1 2"]
    drawn = [chosen(DOMAIN, PROBLEM, texts, params, random.Random(seed)) for seed in range(600)]
    assert {len(pairs) for pairs in drawn} == {0, 1}, "a solved one is skipped"
    assert sum(map(len, drawn)) / 600 == pytest.approx(2 / 3, abs=0.06)


def test_each_problem_has_its_own_attempts() -> None:
    other = problem(5, 6)
    revisions = explore(
        TASK, DOMAIN, [PROBLEM, other], Script([["1 3"], ["5 6"]]), RefinerTraining(turns=2, samples=1), "1"
    )
    grouped = by_problem(revisions)
    assert grouped[PROBLEM.id] == [revision(2, "1 3", SECOND)]
    assert grouped[other.id] == []


def test_the_weights_of_a_turn_add_up_to_one() -> None:
    revisions = [revision(2, "3 2", FIRST), revision(2, "1 4", SECOND), revision(3, "1 5", SECOND)]
    rows = turn_examples(TASK, PROBLEM, revisions)
    assert [[span.weight for span in row.spans] for row in rows] == [[0, 1], [0, 0, 0.5], [0, 0, 0.5], [0, 0, 1]]
    assert {row.spans[-1].text for row in rows} == {"1 2"}
    assert rows[1].spans[1].text == f"3 2\nFeedback: {FIRST}\nCopied:\n"
    with pytest.raises(ValueError, match="has no reference solution"):
        turn_examples(TASK, PROBLEM.model_copy(update={"reference": None}), [])


def test_perturbed_solutions_are_revised_beside_the_generator_s_own() -> None:
    params = RefinerTraining(turns=2, samples=1, perturbed=2)
    revisions = explore(TASK, DOMAIN, [PROBLEM], Script([["1 2"]]), params, "1")
    # the attempt is right, and the problem has errors of two kinds
    assert {fault.kind for row in revisions for fault in DOMAIN.oracle(PROBLEM, row.attempt)} == {"digit", "count"}
    assert [row.turn for row in revisions] == [2, 2]
    fewer = params.model_copy(update={"perturbed": 1})
    (revision,) = explore(TASK, DOMAIN, [PROBLEM], Script([["1 2"]]), fewer, "1")
    assert DOMAIN.oracle(PROBLEM, revision.attempt)


@pytest.mark.parametrize("noise", [0.0, 0.5, 1.0])
def test_so_much_of_the_feedback_is_wrong(noise: float) -> None:
    params = RefinerTraining(turns=2, samples=1, noise=noise)
    problems = [problem(1, 2).model_copy(update={"id": str(number)}) for number in range(400)]
    revisions = explore(TASK, DOMAIN, problems, Script([["3 2"]] * 400), params, "1")
    assert len(revisions) == 400
    wrong = sum(revision.feedback != FIRST for revision in revisions) / 400
    assert wrong == pytest.approx(noise, abs=0.07)


def test_solved_problems_are_not_revised() -> None:
    (prompt,) = TASK.prompt(PROBLEM)
    (other,) = TASK.prompt(problem(5, 6))
    revised = f"{prompt}3 4\nFeedback: {BOTH}\nCopied:\n"
    answers = {prompt: "3 4", other: "5 6", revised: "1 2"}
    backend = ScriptedBackend(answers)
    shares = solved_by_turn(TASK, DOMAIN, backend, [PROBLEM, problem(5, 6)], Sampling(), turns=3)
    assert shares == [0.5, 1.0, 1.0]
    assert backend.prompts == [prompt, other, revised]
    with pytest.raises(EvaluationError, match="no problem with a reference solution"):
        solved_by_turn(TASK, DOMAIN, backend, [], Sampling(), turns=1)
