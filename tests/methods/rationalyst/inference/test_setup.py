"""What a comparison consists of: its share of the problems, its few-shot examples, its choosers."""

from __future__ import annotations

import copy

import pytest

from stepwise.methods.rationalyst import rendering
from stepwise.methods.rationalyst.inference import verifier
from stepwise.methods.rationalyst.inference.compare import plot_rows
from stepwise.methods.rationalyst.inference.setup import prepare
from stepwise.models.loading import save_model
from stepwise.params import LimitParams, Params, TaskParams
from stepwise.params.rationalyst import RationalystRun, RationalystSupervisionParams
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
def comparison(llama, tokenizer, tmp_path):
    """Prepares a comparison in which one small model plays all roles."""
    save_model(llama, tokenizer, tmp_path / "model")
    folders = dict.fromkeys(("agent", "rationalyst", "scorer", "verifier"), tmp_path / "model")
    write_jsonl(tmp_path / "data" / "test.jsonl", TASK.load("test").problems)

    def of(run, *, params=PARAMS, task=NAME, **options):
        return prepare(params, run, folders, task=task, data=tmp_path / "data", work=tmp_path / "work", **options)

    return of


def test_a_run_solves_its_share_of_the_test_problems_with_all_choosers(comparison):
    """3 of 6 problems, one of each pair: places 0, 0.62 and 0.24 in pairs of two are the first, second and first."""
    prepared = comparison(RUN)
    problems = TASK.load("test").problems
    assert [problem.id for problem in prepared.problems] == [problems[i].id for i in (0, 3, 4)]
    assert prepared.supervision == PARAMS.rationalyst_supervision
    assert (prepared.seed, prepared.models.roles.seed) == (5, 5)
    assert comparison(RUN, only="verifier").supervision.choosers == ("verifier",)


def test_the_agent_is_shown_as_many_training_problems_as_its_run_says(comparison, tmp_path):
    """Without shots the training problems are not even read: there are none here."""
    assert comparison(RUN).models.roles.shots(TASK.load("test").problems[0]) == ""
    train = TASK.load("train").problems
    write_jsonl(tmp_path / "data" / "train.jsonl", train)
    shots = comparison(RUN.model_copy(update={"shots": 2}), only="implicit").models.roles.shots(train[1])
    assert [problem.question in shots for problem in train] == [True, False, False, False, True, False]
    assert train[0].reference.text.rstrip() in shots


def test_hand_written_examples_are_shown_where_a_task_has_them(comparison):
    """ARC's training problems have no solutions; reading them would fail, as there are none here."""
    science = {"arc_challenge": TaskParams(form="n_cot")}
    params = PARAMS.model_copy(update={"task": PARAMS.task | science})
    arc = get_task("arc_challenge", science["arc_challenge"], seed=1)
    shots = comparison(RUN.model_copy(update={"shots": 2}), params=params, task="arc_challenge").models.roles.shots
    shown = shots(TASK.load("test").problems[0])
    examples = [problem for problem in arc.hand_written() if problem.question in shown]
    assert len(examples) == 2
    assert all(problem.reference.text.rstrip() in shown for problem in examples)


def test_a_single_chooser_runs_alone_and_keeps_a_journal(comparison, tmp_path):
    """The greedy chooser calls no model but the agent."""
    results = comparison(RUN.model_copy(update={"items": 1}), only="greedy").run()
    assert list(results) == ["greedy"]
    assert len(results["greedy"].predictions) == 1
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["agent"]


def test_in_a_chat_template_each_model_gets_its_own_instruction(comparison, tokenizer, tmp_path):
    own = copy.deepcopy(tokenizer)
    own.chat_template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    own.save_pretrained(tmp_path / "model")
    roles = comparison(RUN).models.roles
    assert roles.note_writer.query.before == f"<system>{rendering.INSTRUCTION}<user>"
    assert roles.verifier_query.before == f"<system>{verifier.INSTRUCTION}<user>"


def test_a_plot_shows_accuracy_and_tokens_of_each_chooser():
    row = {"chooser": "greedy", "accuracy": 0.5, "tokens_written": 7.0, "calls": 2.0}
    assert plot_rows([row]) == [{"chooser": "greedy", "accuracy": 0.5, "tokens_written": 7.0}]
