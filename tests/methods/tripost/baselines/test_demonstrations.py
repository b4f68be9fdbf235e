from __future__ import annotations

import pytest

from stepwise.methods.tripost.baselines.demonstrations import demonstrate
from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.rounds.editing_round import Editor
from stepwise.methods.tripost.teacher.teachers import SCRIPTED, scripted_teacher
from stepwise.methods.tripost.transcript import is_positive, malformed
from stepwise.params import TaskParams
from stepwise.records import Problem, Solution
from stepwise.tasks.registry import get_task


def errors(reference: Solution, solution: Solution) -> int:
    """How many steps differ; the ids must not."""
    assert [step.id for step in solution.steps] == [step.id for step in reference.steps]
    return sum(step != right for step, right in zip(solution.steps, reference.steps, strict=True))


@pytest.mark.parametrize("name", SCRIPTED)
def test_attempts_have_one_error_which_is_corrected(name: str) -> None:
    task = get_task(name, TaskParams(form="scripted", train=50, dev=1, test=1), seed=0)
    problems = {problem.id: problem for problem in task.load("train").problems}
    verifier, improver = scripted_teacher(name)
    editor = Editor(task, verifier, improver, max_updates=5, judge_right_answers=True)
    sampled = list(demonstrate(task, list(problems.values()), passes=1, seed=0))
    assert [trajectory.problem_id for trajectory in sampled] == list(problems)
    wrong = detected = corrected = 0
    for trajectory in sampled:
        problem = problems[trajectory.problem_id]
        (turn,) = trajectory.turns
        assert problem.reference is not None
        assert turn.feedback is None
        assert malformed(turn.solution.steps) is None
        count = errors(problem.reference, turn.solution)
        assert count in (0, 1)
        wrong += count
        (edited,) = editor.edit([(problem, trajectory)])
        if not count:
            assert edited.trajectory.turns[0].feedback == CORRECT
            assert len(edited.trajectory.turns) == 1
            continue
        verdict = verifier.verify(problem, turn.solution)
        detected += verdict is not None and not is_positive(verdict)
        if edited.outcome:
            corrected += 1
            first, *_, last = edited.trajectory.turns
            assert first.feedback == verdict
            assert (last.solution.answer, last.feedback) == (problem.answer, CORRECT)
    assert 25 <= wrong < 45
    assert detected >= 0.9 * wrong
    assert corrected >= 0.9 * wrong


def test_the_seed_decides_and_passes_differ() -> None:
    task = get_task("word_sorting", TaskParams(form="scripted", train=10, dev=1, test=1), seed=0)
    problems = task.load("train").problems
    first, again, other = (list(demonstrate(task, problems, passes=2, seed=seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert [trajectory.sample for trajectory in first] == [0] * 10 + [1] * 10
    assert [trajectory.turns for trajectory in first[:10]] != [trajectory.turns for trajectory in first[10:]]


def test_problems_without_a_reference_are_left_out() -> None:
    task = get_task("word_sorting", TaskParams(form="scripted", train=2, dev=1, test=1), seed=0)
    first, second = task.load("train").problems
    problems: list[Problem] = [first.model_copy(update={"reference": None}), second]
    assert [trajectory.problem_id for trajectory in demonstrate(task, problems, passes=1, seed=0)] == [second.id]


def test_a_solution_that_offers_no_other_part_stays() -> None:
    task = get_task("word_sorting", TaskParams(form="scripted", train=1, dev=1, test=1), seed=0)
    (problem,) = task.load("train").problems
    plain = task.parse("(1) so\n(Final response) So it is.")
    cases = [problem.model_copy(update={"id": str(number), "reference": plain}) for number in range(9)]
    assert {trajectory.turns[0].solution for trajectory in demonstrate(task, cases, passes=1, seed=0)} == {plain}
