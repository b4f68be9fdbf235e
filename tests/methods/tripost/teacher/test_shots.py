"""The hand-written examples say what the scripted verifiers say, and fit into the context of a small model."""

from __future__ import annotations

import re

import pytest

from stepwise.methods.tripost.editing import agree, no_progress
from stepwise.methods.tripost.roles import CORRECT
from stepwise.methods.tripost.teacher.prompts import feedback, improver_examples, read_verdict, verifier_examples
from stepwise.methods.tripost.teacher.shots import RightShot, ShotsError, WrongShot, read_shots, taught_tasks
from stepwise.methods.tripost.teacher.teachers import scripted_teacher
from stepwise.methods.tripost.transcript import feedback_text, malformed, parse_feedback
from stepwise.params import TaskParams
from stepwise.records import Feedback, Solution
from stepwise.tasks.base import Task
from stepwise.tasks.registry import get_task

LONGEST_EXAMPLES = 5000
"""Characters of all examples of a prompt; some 2000 tokens."""


def task_of(name: str) -> Task:
    return get_task(name, TaskParams(form="scripted", train=1, dev=1, test=1), seed=0)


def verified(name: str, shot: RightShot, text: str) -> tuple[Solution, Feedback | None]:
    solution = task_of(name).parse(text)
    assert malformed(solution.steps) is None
    return solution, scripted_teacher(name)[0].verify(shot.problem(name), solution)


def check_error(name: str, shot: WrongShot) -> Solution:
    """The scripted verifier finds the same error, and the feedback survives being written and read, in both forms."""
    attempt, verdict = verified(name, shot, shot.attempt)
    assert verdict is not None
    assert agree(feedback(shot), verdict), (feedback(shot), verdict)
    assert parse_feedback(feedback_text(attempt, feedback(shot))) == feedback(shot)
    verdict_lines = f' ({shot.step})\nError segment: "{shot.segment}"\nError reason: {shot.reason}.\n'
    assert read_verdict(verdict_lines, attempt) == feedback(shot)
    assert re.match(r"[^A-Z]|[A-Z] ", shot.reason)
    assert not shot.reason.endswith(".")
    return attempt


@pytest.mark.parametrize("name", taught_tasks())
def test_the_scripted_verifier_finds_the_same_errors(name: str) -> None:
    shots = read_shots(name)
    assert len(shots.wrong) >= 3
    for shot in shots.wrong:
        check_error(name, shot)
    assert len({shot.step for shot in shots.wrong}) >= 3
    assert verified(name, shots.right, shots.right.attempt)[1] == CORRECT


@pytest.mark.parametrize("name", taught_tasks())
def test_updates_are_correct_and_continue_after_the_steps_before_the_error(name: str) -> None:
    shots = read_shots(name)
    assert 2 <= len(shots.update) <= 3
    for shot in shots.update:
        attempt = check_error(name, shot)
        update, verdict = verified(name, shot, shot.update)
        assert verdict == CORRECT
        assert no_progress(attempt, feedback(shot), update) is None


@pytest.mark.parametrize("name", taught_tasks())
def test_no_question_is_used_twice_and_the_examples_are_short(name: str) -> None:
    shots = read_shots(name)
    questions = [shot.question for shot in (*shots.wrong, shots.right, *shots.update)]
    assert len(set(questions)) == len(questions)
    assert len(verifier_examples(task_of(name), shots, may_be_correct=True)) < LONGEST_EXAMPLES
    assert len(improver_examples(task_of(name), shots)) < LONGEST_EXAMPLES


def test_a_task_without_examples_is_an_error_that_names_the_file_to_write() -> None:
    with pytest.raises(ShotsError, match=r"teach gsm8k .*write methods/tripost/teacher/shots/gsm8k\.yaml.*multistep_"):
        read_shots("gsm8k")
