from __future__ import annotations

import pytest

from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.teachers import SCRIPTED, TeacherError, scripted_teacher
from stepwise.params import TaskParams
from stepwise.tasks.registry import get_task


@pytest.mark.parametrize("name", SCRIPTED)
def test_a_scripted_teacher_belongs_to_its_task(name: str) -> None:
    verifier, improver = scripted_teacher(name)
    task = get_task(name, TaskParams(form="scripted", train=4, dev=1, test=4), seed=0)
    for problem in task.load("train").problems:
        reference = problem.reference
        assert reference is not None
        assert verifier.verify(problem, reference) == CORRECT
        assert improver.improve(problem, reference, CORRECT, reference.steps[:1]) == reference


def test_a_task_without_a_scripted_teacher_is_an_error_that_names_those_with_one() -> None:
    with pytest.raises(TeacherError, match=r"gsm8k has no scripted verifier.*multistep_arithmetic, word_sorting"):
        scripted_teacher("gsm8k")
