"""TriPosT as the command line and the report see it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from stepwise import cli, solver
from stepwise.methods import registry
from stepwise.methods.tripost.examples import corrected
from stepwise.methods.tripost.method import Tripost
from stepwise.models.card import Card, read_card, write_card
from stepwise.params import TaskParams
from stepwise.records import write_jsonl
from stepwise.report import Sources
from stepwise.tasks.registry import get_task
from tests.methods.tripost.talks import LEAD, PRAISE, QUESTION, RIGHT, TALK, WRONG, backend, problem, sampled

PARAMS = TaskParams(form="scripted", max_new_tokens=400)
SELF = {"self_improvement": {"max_updates": 3, "feedback_tokens": 200}}


def loaded(inference, task="multistep_arithmetic", form="scripted"):
    card = Card(method="any", task=task, model="tiny", task_params=PARAMS, inference=inference)
    solved_task = get_task(task, PARAMS.model_copy(update={"form": form}), seed=0)
    return solver.Solver(solved_task, backend(), 400, card, registry.answering(card, solved_task))


def test_a_self_improving_model_shows_every_turn_and_answers_with_the_last():
    ((solution, transcript),) = loaded(SELF).converse([QUESTION])
    assert transcript == TALK
    assert (solution.answer, solution.text) == ("3", RIGHT)


def test_without_updates_the_first_attempt_is_the_answer():
    model = loaded({"self_improvement": {"max_updates": 0, "feedback_tokens": 200}})
    assert model.solve(QUESTION).answer == "4"


def test_a_card_without_a_way_completes_the_prompt():
    ((solution, transcript),) = loaded(None).converse(["2 + 1 ="])
    assert transcript == ""
    assert solution.text == f"{RIGHT}\nFeedback: {PRAISE}"


def test_answer_only_models_have_a_prompt_of_their_own():
    model = loaded({"answer_only": {}})
    model.solve(QUESTION)
    assert model.backend.prompts == [f"Q: {QUESTION}\nAnswer:"]


def test_tasks_without_numbered_steps_are_answered_at_once():
    assert loaded(SELF, "word_problems", "p_cot").converse(["How many?"])[0][1] == ""


def test_an_examination_tells_what_updates_are_worth():
    """Of four problems, one is saved by its update, two are right at once and one is wrong."""
    problems = [problem(0, QUESTION), problem(1, "2 + 1 ="), problem(2, "0 + 3 ="), problem(3, "2 + 2 =", "4")]
    predictions, numbers = loaded(SELF).examine(problems)
    assert [prediction.verdict.correct for prediction in predictions] == [True, True, True, False]
    expected = {
        "accuracy": 0.75, "direct": 0.5, "contribution": 0.25, "harm": 0.0, "frequency": 0.25,
        "right_stays_right": 1.0, "wrong_becomes_right": 0.5, "turns": 1.25,
    }  # fmt: skip
    assert {name: numbers[name] for name in expected} == expected
    assert "direct_low" not in numbers


def test_the_command_line_prints_the_turns_and_what_they_are_worth(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(solver, "load", lambda model, task=None: loaded(SELF))
    assert cli.main(["solve", "--model", "m", "--question", QUESTION]) == 0
    assert capsys.readouterr().out == f"{TALK}\nAnswer: 3\n"
    write_jsonl(tmp_path / "test.jsonl", [problem(0, QUESTION), problem(1, "2 + 1 =")])
    assert cli.main(["evaluate", "--model", "m", "--problems", str(tmp_path / "test.jsonl")]) == 0
    shown = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert (shown["direct"], shown["contribution"], shown["wrong_becomes_right"]) == ("0.5", "0.5", "1")


def test_what_cannot_be_read_is_said():
    model = loaded(SELF)
    model.backend.answers = lambda prompt, sample: f"{WRONG}\nFeedback: Hm.\nUpdated Answer: {LEAD}\n(1) 1 +"
    ((solution, transcript),) = model.converse([QUESTION])
    assert solution.answer == "4"
    assert transcript.endswith("Feedback: Hm.\n[what follows cannot be read: unfinished]")
    model.backend.answers = lambda prompt, sample: "nonsense"
    assert model.converse([QUESTION])[0][1] == "nonsense"


def test_a_card_names_the_way_only_if_there_is_one(tmp_path):
    for name, inference in (("plain", None), ("turns", SELF)):
        card = Card(method="any", task="toy", model="tiny", task_params=PARAMS, inference=inference)
        write_card(tmp_path / name, card)
        assert read_card(tmp_path / name) == card
    assert "inference" not in json.loads((tmp_path / "plain/card.json").read_text())


@pytest.fixture
def sources(tmp_path):
    """Two trajectories that end right after a mistake, one that goes wrong, and one that is right at once."""
    written = [sampled(0, "5", "4", "3"), sampled(1, "4", "3"), sampled(2, "3", "4"), sampled(3, "3")]
    folder = tmp_path / "evaluations/round_2/multistep_arithmetic-tiny"
    write_jsonl(folder / "trajectories.jsonl", written)
    problems = [problem(number, f"{number} + x =") for number in range(4)]
    write_jsonl(tmp_path / "data/tasks/multistep_arithmetic/test.jsonl", problems)
    return Sources(tmp_path / "metrics", data=tmp_path / "data", predictions=tmp_path / "evaluations")


def test_the_example_is_the_shortest_mistake_that_was_corrected(sources):
    folder = sources.predictions / "round_2/multistep_arithmetic-tiny"
    problems = sources.data / "tasks/multistep_arithmetic/test.jsonl"
    text = corrected(folder / "trajectories.jsonl", problems, "multistep_arithmetic")
    assert text.startswith("Q: 1 + x =\nAnswer: Let's think step by step.")
    assert text.endswith("(1) = 3.\n(Final response) So the answer is 3.")
    assert text.count("Updated Answer:") == 1
    assert corrected(folder / "none.jsonl", problems, "multistep_arithmetic") == ""
    write_jsonl(folder / "trajectories.jsonl", [sampled(2, "3", "4"), sampled(3, "3")])
    assert corrected(folder / "trajectories.jsonl", problems, "multistep_arithmetic") == ""


def test_the_chapter_is_about_the_last_round_that_is_evaluated(sources, tmp_path):
    rounds = [SimpleNamespace(name=f"round_{number}") for number in (1, 2, 3)]
    params = SimpleNamespace(
        tripost_tasks=["multistep_arithmetic"], tripost_rounds=rounds, warm_up_models=["tiny"],
        tripost_methods=["continued", "round_1", "round_2"], tripost_prompts=[], tripost_trained_prompts=[],
    )  # fmt: skip
    path = tmp_path / "metrics/evaluate/round_2/multistep_arithmetic-tiny.json"
    path.parent.mkdir(parents=True)
    path.write_text('{"accuracy": 0.5}')
    assert "Q: 1 + x =" in Tripost().chapter(params, sources).sections()
    assert Tripost().chapter(params, Sources(Path(sources.metrics))).sections().count("<pre>") == 0
    assert Tripost().comparisons(params) == [("round_2", "lmsi"), ("round_2", "demonstrations")]
    params.tripost_tasks = []
    assert Tripost().chapter(params, sources) is None
