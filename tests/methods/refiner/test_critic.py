"""What a critic learns and how it is judged, by hand; and a whole run on random models."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwise.generation.base import Sampling
from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods.refiner.critic import (
    Case,
    CriticData,
    accuracies,
    agreement,
    case_prompt,
    cases,
    classes,
    comments,
    critic_example,
    judge_critic,
    majority_baseline,
    named,
    own_cases,
    scores,
    train_critic,
)
from stepwise.methods.refiner.feedback import Fault
from stepwise.methods.refiner.perturbation import labelled, perturbed, split
from stepwise.params import SftParams
from stepwise.params.refiner import CriticParams, PerturbParams
from tests.methods.refiner.digits import DigitDomain, DigitTask, digit_setup, problem

TASK, DOMAIN, SETUP = DigitTask(), DigitDomain(), digit_setup()
BOTH = "Digit #0 is wrong. Digit #1 is wrong."


def test_cases_are_the_rows_of_known_problems() -> None:
    rows = [labelled(DOMAIN, problem(1, 2), "1 3", "digit"), labelled(DOMAIN, problem(1, 2), "1 2")]
    known = cases([problem(1, 2)], [*rows, labelled(DOMAIN, problem(3, 4), "3 4")])
    assert known == [
        Case(problem(1, 2), "1 3", "Digit #1 is wrong.", "digit"),
        Case(problem(1, 2), "1 2", "No hint.", "right"),
    ]


def test_only_the_feedback_is_learned_and_right_solutions_have_a_weight_of_their_own() -> None:
    wrong, right = cases([problem(1, 2)], [labelled(DOMAIN, problem(1, 2), text) for text in ("1 3", "1 2")])
    spans = critic_example(SETUP, wrong, right_weight=0.5).spans
    assert [(span.text, span.weight) for span in spans] == [
        ("Copy 1 2\nCopied:\n", 0.0),
        ("1 3\nFeedback:\n", 0.0),
        ("Digit #1 is wrong.", 1.0),
    ]
    assert critic_example(SETUP, right, right_weight=0.5).spans[-1].weight == 0.5


def test_feedback_is_compared_as_a_set() -> None:
    assert named(DOMAIN.templates, "Digit #1 is wrong. Digit #0 is wrong.") == named(DOMAIN.templates, BOTH)
    assert named(DOMAIN.templates, "No hint.") == frozenset()
    assert named(DOMAIN.templates, "Digit #1 is wrong.") == {Fault("digit", "#1")}
    assert named(DOMAIN.templates, " nonsense ") == "nonsense"


def test_agreement_by_hand() -> None:
    judged = [
        Case(problem(1, 2), "3 4", BOTH, "digit"),
        Case(problem(1, 2), "3 5", BOTH, "digit"),
        Case(problem(1, 2), "1 2", "No hint.", "right"),
    ]
    answers = {"3 4": "Digit #1 is wrong. Digit #0 is wrong.", "3 5": "Digit #1 is wrong.", "1 2": "nonsense"}
    backend = ScriptedBackend({f"Copy 1 2\nCopied:\n{text}\nFeedback:\n": answer for text, answer in answers.items()})
    written = comments(SETUP, backend, judged, Sampling())
    right = agreement(DOMAIN.templates, judged, written)
    assert right == [True, False, False]
    assert comments(SETUP, backend, [], Sampling()) == []
    shares = {"held_out": pytest.approx(1 / 3), "held_out_digit": 0.5, "held_out_right": 0.0}
    assert accuracies(judged, right, "held_out") == shares


def test_class_accuracy_leaves_out_positions_and_stands_beside_the_majority_baseline() -> None:
    """Classes of the cases: digit, digit, right; of the feedback: digit, digit, unread; the most frequent is right."""
    judged = [
        Case(problem(1, 2), "3 4", BOTH, "digit"),
        Case(problem(1, 2), "3 5", BOTH, "digit"),
        Case(problem(1, 2), "1 2", "No hint.", "right"),
    ]
    written = [BOTH, "Digit #1 is wrong.", "nonsense"]
    learned = [Case(problem(1, 2), "1 2", "No hint.", "right"), *judged[:1], judged[2]]
    assert scores(DOMAIN.templates, judged, written, learned, "test") == pytest.approx(
        {
            "test_accuracy": 1 / 3,
            "test_accuracy_digit": 0.5,
            "test_accuracy_right": 0.0,
            "test_class_accuracy": 2 / 3,
            "test_class_majority": 1 / 3,
        }
    )
    assert classes(DOMAIN.templates, written) == ["digit", "digit", "unread"]
    assert scores(DOMAIN.templates, [], [], learned, "test") == {}
    assert majority_baseline(["a", "b", "b"], ["a", "b", "c", "a"]) == ("b", 0.25)


def test_a_critic_is_tested_on_cases() -> None:
    judged = [Case(problem(1, 2), "1 3", "Digit #1 is wrong.", "digit")]
    backend = ScriptedBackend({"Copy 1 2\nCopied:\n1 3\nFeedback:\n": "Digit #1 is wrong."})
    numbers = judge_critic(SETUP, backend, judged, judged, CriticParams())
    assert numbers == {
        "rows": 1.0, "test_accuracy": 1.0, "test_accuracy_digit": 1.0, "test_class_accuracy": 1.0,
        "test_class_majority": 1.0,
    }  # fmt: skip


class FirstDigit(DigitDomain):
    """A domain whose critic reads the first digit alone."""

    def judged(self, text: str) -> str:
        return text.split()[0]


def test_the_critic_reads_only_what_it_judges() -> None:
    case = Case(problem(1, 2), "1 3", "Digit #1 is wrong.", "digit")
    setup = digit_setup(domain=FirstDigit())
    assert case_prompt(setup, case)[-1] == "1\nFeedback:\n"
    assert critic_example(setup, case).spans[1].text == "1\nFeedback:\n"
    backend = ScriptedBackend({"Copy 1 2\nCopied:\n1\nFeedback:\n": "Digit #1 is wrong."})
    assert comments(setup, backend, [case], Sampling()) == ["Digit #1 is wrong."]


def test_own_attempts_are_labelled_by_the_oracle() -> None:
    samples = {"Copy 1 2\nCopied:\n": ["1 3", "1 3", "1 2", "5"]}
    own = own_cases(SETUP, ScriptedBackend(samples), [problem(1, 2)], 4)
    assert [(case.attempt, case.feedback, case.kind) for case in own] == [
        ("1 3", "Digit #1 is wrong.", "digit"),
        ("1 2", "No hint.", "right"),
        ("5", "There are two digits.", "count"),
    ]
    assert len(own_cases(SETUP, ScriptedBackend(samples), [problem(1, 2)], 0)) == 1
    assert own_cases(SETUP, ScriptedBackend(samples), [problem(1, 2).model_copy(update={"reference": None})], 4) == []


@pytest.mark.parametrize("own_samples", [0, 2])
def test_a_critic_is_trained_and_judged(any_model: Path, tmp_path: Path, own_samples: int) -> None:
    train, dev = TASK.load("train").problems, TASK.load("dev").problems
    learned, held_out = split(train, 0.25, 1)
    params = PerturbParams(rows=2)
    data = CriticData(
        train=train,
        dev=dev,
        rows=perturbed(DOMAIN, learned, params, 1),
        held_out=perturbed(DOMAIN, held_out, params, 1),
    )
    tuning = SftParams(batch_examples=6, evaluations=1, dev_examples=3, saves=1, learning_rate=0.01)
    critic = CriticParams(epochs=2, own_samples=own_samples, feedback_tokens=8, fine_tuning=tuning)
    trained = train_critic(SETUP, any_model, any_model, data, critic, tmp_path)
    numbers = trained.numbers
    assert trained.result.best_score is not None
    assert numbers["held_out_accuracy"] == sum(trained.held_out.values()) / len(trained.held_out)
    assert (numbers["rows"] > 18) if own_samples else (numbers["rows"] == 18)
    assert {"held_out_accuracy", "held_out_accuracy_right", "own_accuracy", "own_class_majority"} <= numbers.keys()
    assert (tmp_path / "model" / "model.safetensors").exists()
    assert (tmp_path / "samples.jsonl").exists() == bool(own_samples)
