import pytest

from stepwise.methods.reft.rewards import checked_answers, score
from stepwise.params import TaskParams
from stepwise.records import Problem, Verdict
from stepwise.tasks.registry import get_task


@pytest.mark.parametrize(
    ("answer", "worth"),
    [
        ("17", 0.1),
        ("1,700", 0.1),
        ("-0.5", 0.1),
        (None, 0.0),
        ("nan", 0.0),
        ("inf", 0.0),
        ("1e999", 0.0),
        ("none", 0.0),
        ("B", 0.0),
    ],
)
def test_only_finite_numbers_get_the_partial_reward(answer, worth):
    assert score(Verdict(answer=answer), 0.1) == worth
    assert score(Verdict(answer=answer, correct=True), 0.1) == 1.0


def test_the_robust_check_decides():
    assert score(Verdict(answer="18", strict_correct=True), 0.1) == 0.1
    assert score(Verdict(answer="18", correct=True, strict_correct=False), 0.0) == 1.0


def test_programs_are_run_and_scored_in_order():
    task = get_task("word_problems", TaskParams(form="p_cot", train=2), seed=1)
    problem = Problem(id="a", task="word_problems", split="train", question="How many?", answer="7")
    reward = checked_answers(task, {"a": problem, "b": problem.model_copy(update={"id": "b", "answer": "8"})}, 0.1)
    programs = ["    return 3 + 4", "    return 3 + 4", "    return x", "    return float('nan')", ""]
    assert reward(["a", "b", "a", "a", "a"], programs) == [1.0, 0.1, 0.0, 0.0, 0.0]
