"""Examples in prompts: the shipped ones hold, wrong ones are refused, and a language model revises with the critic."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.refiner.answering import Pair
from stepwise.methods.refiner.domains.registry import DOMAINS, domain_of
from stepwise.methods.refiner.feedback import NO_FAULT
from stepwise.methods.refiner.prompting.shots import Shot, ShotsError, check, examples, read_shots, tasks_with_shots
from stepwise.methods.refiner.setup import RefinerSetup
from stepwise.params import BackendParams, ModelParams, TaskParams
from stepwise.params.refiner import CriticKind, RefinementParams
from stepwise.tasks.formats import norm_format
from tests.methods.refiner.test_dialogue import DOMAIN, GOLD, OPERATOR, PROBLEM, TASK, WRONG, criticise, revise

SHOT = Shot(question="Ida has 3 cups and 4 mugs. How many is that?", solution="add(n0,n1)", attempts=("add(n0,n0)",))
QUESTION = "Question:\nIda has 3 cups and 4 mugs. How many is that?\nNumbers: n0 = 3, n1 = 4\nFormula:\n"


def test_every_task_has_examples_that_show_most_kinds_of_fault_twice() -> None:
    assert tasks_with_shots() == sorted(DOMAINS)
    for task in DOMAINS:
        domain = domain_of(task)
        kinds = Counter(
            fault.kind
            for shot in read_shots(task)
            for attempt in shot.attempts
            for fault in domain.oracle(shot.problem(task), attempt)
        )
        assert len(kinds) >= len(domain.templates.sentences) - 1
        assert sum(count > 1 for count in kinds.values()) >= len(kinds) / 2


def test_a_story_s_question_is_that_of_its_row() -> None:
    for shot in read_shots("moral_stories"):
        parts = [str(shot.meta[name]) for name in ("situation", "intention", "immoral_action")]
        assert shot.question == norm_format.question(*parts)
        assert shot.solution == norm_format.line(shot.meta["norm"], shot.meta["moral_action"])


def test_solved_problems_and_revisions_by_hand() -> None:
    shown = examples(TASK, DOMAIN, [SHOT, SHOT.model_copy(update={"attempts": ()})])
    solved = f"{QUESTION}add(n0,n1)\n\n"
    assert shown.attempts == (solved * 2,)
    feedback = "The second number in #0 is incorrect."
    assert shown.revisions == (f"{QUESTION}add(n0,n0)\nFeedback: {feedback}\nFormula:\nadd(n0,n1)\n\n",)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"attempts": ("add(n1,n0)",)}, r"shots: attempt 'add\(n1,n0\)' at problem 2 is right"),
        ({"attempts": (), "solution": "2 + 3"}, "shots: problem 2 cannot be judged: the reference"),
    ],
)
def test_examples_that_do_not_hold_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ShotsError, match=message):
        check([SHOT, SHOT.model_copy(update=changes)], PROBLEM.task, "shots")


def test_a_wrong_solution_is_refused() -> None:
    story = read_shots("moral_stories")[0]
    with pytest.raises(ShotsError, match="shots: solution 1 is wrong: The norm says the opposite"):
        check([story.model_copy(update={"solution": story.attempts[0]})], "moral_stories", "shots")


def test_a_task_without_examples_names_the_file_to_write() -> None:
    with pytest.raises(ShotsError, match=r"write methods/refiner/prompting/shots/gsm8k\.yaml, or .* moral_stories"):
        read_shots("gsm8k")


@pytest.mark.parametrize(
    ("critic", "answer", "revised"), [("none", WRONG, 0), ("trained", GOLD, 1), ("oracle", GOLD, 1)]
)
def test_a_language_model_answers_from_examples_and_revises_with_a_critic(
    critic: CriticKind, answer: str, revised: int, tmp_path: Path
) -> None:
    shown = examples(TASK, DOMAIN, [SHOT])
    ask = "".join((*shown.attempts, *TASK.prompt(PROBLEM)))
    generator = ScriptedBackend({ask: WRONG, f"{''.join(shown.revisions)}{revise(WRONG, OPERATOR)}": GOLD})
    pair = Pair(
        setup=RefinerSetup(
            task=TASK,
            domain=DOMAIN,
            task_params=TaskParams(form="formula", max_new_tokens=48),
            model_params=ModelParams(source="none"),
            backend=BackendParams(),
            seed=1,
        ),
        params=RefinementParams(),
        critic=critic,
        feedback_tokens=50,
        generator=generator,
        critic_backend=ScriptedBackend({criticise(WRONG): OPERATOR, criticise(GOLD): NO_FAULT}),
        examples=shown,
    )
    result = pair.examine([PROBLEM], journal=tmp_path)
    assert [prediction.text for prediction in result.predictions] == [answer]
    assert generator.calls == 1 + revised
    rates = pair.review([PROBLEM], result.predictions)
    assert rates["critic_fault_operator"] == result.numbers["fault_operator"] == float(answer == WRONG)
    assert rates["critic_unread"] == 0.0
