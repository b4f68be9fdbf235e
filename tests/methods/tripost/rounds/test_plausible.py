from __future__ import annotations

import pytest

from stepwise.methods.tripost.rounds.plausible import plausible
from stepwise.params import TaskParams
from stepwise.records import Problem, Solution, Step
from stepwise.tasks.registry import get_task
from tests.methods.tripost.sums import attempt


def problem(*choices: str) -> Problem:
    return Problem(id="p", task="t", split="train", question="?", answer="", choices=choices)


def ending(step: str, answer: str | None) -> Solution:
    steps = (Step(id="1", text=f"(1) {step}"), Step(id="Final response", text="(Final response) So it is."))
    return Solution(text="\n".join(part.text for part in steps), steps=steps, answer=answer)


@pytest.mark.parametrize(
    ("step", "answer", "expected"),
    [
        ("Then, the final equation is A - B = 5 - 8 = -3.", "-3", True),
        ("Then, the final equation is A - B = 8 - 5 = 3.", "-3", False),
        ("Then, the final equation is A - B = 5 - 8 = -3.", "3", False),
        ("The final equation is A = 13.", "3", False),
        ("The final equation is A = 3 = 4.", "3", False),
        ('Hence, we have "ash" < "oak" < "yew".', "ash oak yew", True),
        ('Hence, we have "ash" < "it\'s".', "ash it's", True),
        ('Hence, we have "ash" < "oak" < "yew".', "ash yew oak", False),
        ('Hence, we have "ash" < "yew".', "ash oak yew", False),
        ('We now have: (1) ["ash" ? "oak"].', "ash oak", False),
        ('Hence, we have "splash".', "ash", False),
    ],
)
def test_the_last_step_ends_with_the_answer(step: str, answer: str, expected: bool) -> None:
    assert plausible(problem(), ending(step, answer)) is expected


FRUITS = ("the apples", "The pears", "The plums")


@pytest.mark.parametrize(
    ("step", "answer", "expected"),
    [
        ("According to this ordering, the pears come first.", "B", True),
        ("According to this ordering, the PEARS!", "B", True),
        ("According to this ordering, the plums come first.", "B", False),
        ("(cheapest) the pears ? the plums (dearest)", "B", False),
        ("The pineapples, the apples-to-be.", "A", False),
        ("According to this ordering, the pears come first.", "D", False),
        ("According to this ordering, the pears come first.", "BC", False),
    ],
)
def test_the_last_step_names_the_option(step: str, answer: str, expected: bool) -> None:
    assert plausible(problem(*FRUITS), ending(step, answer)) is expected


def test_without_a_step_or_an_answer_nothing_is_plausible() -> None:
    assert not plausible(problem(), attempt("So the answer is 3."))
    assert not plausible(problem(), ending("1 + 2 = 3.", None))
    assert not plausible(problem(), Solution(text=""))


@pytest.mark.parametrize("name", ["multistep_arithmetic", "word_sorting", "date_understanding"])
def test_reference_solutions_are_plausible_and_their_answers_alone_are_not(name: str) -> None:
    task = get_task(name, TaskParams(form="scripted", train=30, dev=1, test=1), seed=0)
    for case in task.load("train").problems:
        assert case.reference is not None
        assert plausible(case, task.parse(case.reference.text))
        assert not plausible(case, task.parse(case.reference.steps[-1].text))
