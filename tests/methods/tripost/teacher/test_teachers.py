from __future__ import annotations

import pytest

from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.teacher.answers import Answers
from stepwise.methods.tripost.teacher.llm import LlmImprover, LlmVerifier
from stepwise.methods.tripost.teacher.shots import ShotsError
from stepwise.methods.tripost.teacher.teachers import SCRIPTED, TeacherError, make_teacher, scripted_teacher
from stepwise.params import TaskParams
from stepwise.tasks.base import Task
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


def task(name: str) -> Task:
    return get_task(name, TaskParams(form="scripted", train=1, dev=1, test=1), seed=0)


def test_verifier_and_improver_are_chosen_separately() -> None:
    name = "multistep_arithmetic"
    answers = Answers(ScriptedBackend({}))
    assert make_teacher(task(name)) == scripted_teacher(name)
    verifier, improver = make_teacher(task(name), improver="llm", answers=answers)
    assert verifier is scripted_teacher(name)[0]
    assert isinstance(improver, LlmImprover)
    verifier, improver = make_teacher(task(name), verifier="llm", answers=answers)
    assert isinstance(verifier, LlmVerifier)
    assert improver is scripted_teacher(name)[1]


def test_combinations_that_do_not_exist_are_errors() -> None:
    with pytest.raises(TeacherError, match="a language model is to verify or improve, but none is given"):
        make_teacher(task("word_sorting"), improver="llm")
    with pytest.raises(TeacherError, match="gsm8k has no scripted verifier and improver"):
        make_teacher(Named("gsm8k"))  # type: ignore[arg-type]
    with pytest.raises(ShotsError, match=r"write methods/tripost/teacher/shots/gsm8k\.yaml"):
        make_teacher(Named("gsm8k"), verifier="llm", improver="llm", answers=Answers(ScriptedBackend({})))  # type: ignore[arg-type]


class Named:
    """A task of which only the name matters."""

    def __init__(self, name: str):
        self.name = name
