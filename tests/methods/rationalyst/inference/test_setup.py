"""What a run's contest is made of: the run's share of the problems, its shown problems, its ways."""

from __future__ import annotations

import copy

import pytest

from stepwise.methods.rationalyst import rendering
from stepwise.methods.rationalyst.inference import verifier
from stepwise.methods.rationalyst.inference.compare import bars
from stepwise.methods.rationalyst.inference.setup import prepare
from stepwise.models.loading import save_model
from stepwise.params import LimitParams, Params, RationalystRun, RationalystSupervisionParams, TaskParams
from stepwise.records import write_jsonl
from stepwise.tasks.registry import get_task

NAME = "word_problems_text"
FORM = TaskParams(form="n_cot", train=6, dev=2, test=6)
TASK = get_task(NAME, FORM, seed=1)
PARAMS = Params(
    seed=5, tasks=[NAME], models=[], task={NAME: FORM}, model={}, limits=LimitParams(),
    rationalyst_supervision=RationalystSupervisionParams(choosers=("greedy", "implicit"), steps=2, step_tokens=8),
)  # fmt: skip
RUN = RationalystRun(task=NAME, base="", agent="", scorer="", verifier="", items=3, max_length=256)


@pytest.fixture
def contest(llama, tokenizer, tmp_path):
    """Prepares a run's contest in which one small model has all roles."""
    save_model(llama, tokenizer, tmp_path / "model")
    folders = dict.fromkeys(("agent", "rationalyst", "scorer", "verifier"), tmp_path / "model")
    write_jsonl(tmp_path / "data" / "test.jsonl", TASK.load("test").problems)

    def of(run, *, params=PARAMS, task=NAME, **options):
        return prepare(params, run, folders, task=task, data=tmp_path / "data", work=tmp_path / "work", **options)

    return of


def test_a_run_solves_its_share_of_the_test_problems_in_all_ways(contest):
    """3 of 6 problems at even distances: the first, third and fifth."""
    found = contest(RUN)
    problems = TASK.load("test").problems
    assert [one.id for one in found.problems] == [problems[i].id for i in (0, 2, 4)]
    assert found.supervision == PARAMS.rationalyst_supervision
    assert (found.seed, found.models.roles.seed) == (5, 5)
    assert contest(RUN, only="verifier").supervision.choosers == ("verifier",)


def test_the_agent_is_shown_as_many_training_problems_as_its_run_says(contest, tmp_path):
    """Without shots the training problems are not even read: there are none here."""
    assert contest(RUN).models.roles.shots(TASK.load("test").problems[0]) == ""
    train = TASK.load("train").problems
    write_jsonl(tmp_path / "data" / "train.jsonl", train)
    shots = contest(RUN.model_copy(update={"shots": 2}), only="implicit").models.roles.shots(train[1])
    assert [one.question in shots for one in train] == [True, False, False, True, False, False]
    assert train[0].reference.text.rstrip() in shots


def test_hand_written_examples_are_shown_where_a_task_has_them(contest):
    """ARC's training problems have no solutions; reading them would fail, as there are none here."""
    science = {"arc_challenge": TaskParams(form="n_cot")}
    params = PARAMS.model_copy(update={"task": PARAMS.task | science})
    asked = get_task("arc_challenge", science["arc_challenge"], seed=1)
    shots = contest(RUN.model_copy(update={"shots": 2}), params=params, task="arc_challenge").models.roles.shots
    shown = shots(TASK.load("test").problems[0])
    found = [one for one in asked.hand_written() if one.question in shown]
    assert len(found) == 2
    assert all(one.reference.text.rstrip() in shown for one in found)


def test_the_only_way_asked_for_is_taken_and_journalled(contest, tmp_path):
    """The greedy agent of a random model asks the agent alone."""
    outcomes = contest(RUN.model_copy(update={"items": 1}), only="greedy").hold()
    assert list(outcomes) == ["greedy"]
    assert len(outcomes["greedy"].predictions) == 1
    assert [one.name for one in (tmp_path / "work").iterdir()] == ["agent"]


def test_in_a_chat_each_model_is_told_its_own_job(contest, tokenizer, tmp_path):
    own = copy.deepcopy(tokenizer)
    own.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    own.save_pretrained(tmp_path / "model")
    roles = contest(RUN).models.roles
    assert roles.rationalyst.query.before == f"<system>{rendering.INSTRUCTION}<user>"
    assert roles.verifier_query.before == f"<system>{verifier.INSTRUCTION}<user>"


def test_a_plot_shows_accuracy_and_tokens_of_each_way():
    row = {"chooser": "greedy", "accuracy": 0.5, "tokens_written": 7.0, "calls": 2.0}
    assert bars([row]) == [{"chooser": "greedy", "accuracy": 0.5, "tokens_written": 7.0}]
