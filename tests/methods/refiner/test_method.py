"""REFINER as the command line, the report and the parameters see it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stepwise import cli, solver
from stepwise.generation.scripted import ScriptedBackend
from stepwise.methods import registry
from stepwise.methods.base import Answering
from stepwise.methods.refiner.commands import Refining
from stepwise.methods.refiner.examples import refined
from stepwise.methods.refiner.feedback import NO_FAULT
from stepwise.methods.refiner.method import Refiner
from stepwise.models.card import Card
from stepwise.params import Params, ParamsError, TaskParams, parse
from stepwise.params.compose import compose
from stepwise.params.refiner import RefinerEvaluation
from stepwise.records import Feedback, SampledTrajectory, Turn, write_jsonl
from stepwise.report import Sources
from stepwise.tasks.registry import get_task
from tests.methods.refiner.test_dialogue import GOLD, OPERATOR, PROBLEM, QUESTION, TASK, WORSE, WRONG, criticise, revise

CONF = Path(__file__).resolve().parents[3] / "conf"
PARAMS = TaskParams(form="formula", max_new_tokens=48)


@pytest.fixture(scope="module")
def committed() -> Params:
    return parse(compose((), CONF), "conf")


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> solver.Solver:
    """A generator that needs the critic's help, outside a folder with params.yaml."""
    monkeypatch.chdir(tmp_path)
    critic = ScriptedBackend({criticise(WRONG): OPERATOR, criticise(GOLD): NO_FAULT})
    generator = ScriptedBackend({"".join(TASK.prompt(PROBLEM)): WRONG, revise(WRONG, OPERATOR): GOLD})
    monkeypatch.setattr(Refining, "critic", critic)
    card = Card(method="refiner", task="word_problems_formula", model="tiny-t5", task_params=PARAMS)
    return solver.Solver(TASK, generator, 48, card, registry.answering(card, TASK))


def test_a_generator_shows_every_turn_and_answers_with_the_last(loaded: solver.Solver) -> None:
    ((solution, transcript),) = loaded.converse([QUESTION])
    assert transcript == f"{WRONG}\nFeedback: {OPERATOR}\n{GOLD}"
    assert (solution.text, solution.answer) == (GOLD, "17")


def test_the_command_line_prints_the_turns_and_what_they_are_worth(
    loaded: solver.Solver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(solver, "load", lambda model, task=None: loaded)
    assert cli.main(["solve", "--model", "m", "--question", QUESTION]) == 0
    assert capsys.readouterr().out == f"{WRONG}\nFeedback: {OPERATOR}\n{GOLD}\nAnswer: 17\n"
    write_jsonl(tmp_path / "test.jsonl", [PROBLEM])
    assert cli.main(["evaluate", "--model", "m", "--problems", str(tmp_path / "test.jsonl")]) == 0
    shown = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert (shown["z_exact"], shown["z_contribution"], shown["feedback_accuracy"]) == ("1", "1", "1")


@pytest.mark.parametrize(
    ("method", "task"),
    [("refiner_continued", "word_problems_formula"), ("refiner_critic", "word_problems_formula"), ("refiner", "svamp")],
)
def test_other_models_and_tasks_are_answered_at_once(method: str, task: str) -> None:
    form = "formula" if task == "word_problems_formula" else "p_cot"
    solved_task = get_task(task, TaskParams(form=form), seed=0)
    card = Card(method=method, task=task, model="tiny-t5", task_params=PARAMS)
    assert type(registry.answering(card, solved_task)) is Answering


def check(params: Params, **changes: Any) -> None:
    Refiner().check(params.model_copy(update=changes))


@pytest.mark.parametrize("scale", ["default", "smoke", "gpu", "paper"])
def test_every_scale_fits(scale: str) -> None:
    params = parse(compose([f"scale={scale}"], CONF), "conf")
    assert params.refiner_tasks
    assert params.refiner_models
    check(params)
    foundation = {f"{task}-{model}" for task in params.warm_up_tasks for model in params.warm_up_models}
    assert not foundation & {f"{task}-{model}" for task in params.refiner_tasks for model in params.refiner_models}


def test_it_trains_on_those_of_its_tasks_and_models_that_a_run_has() -> None:
    params = parse(compose(["task=[word_problems_text,svamp_formulas]", "model=[tiny,flan-t5-base]"], CONF), "conf")
    assert (params.refiner_tasks, params.refiner_models) == (["svamp_formulas"], ["flan-t5-base"])
    assert (params.warm_up_tasks, params.warm_up_models) == (["word_problems_text"], ["tiny"])
    check(params)
    params = parse(compose(["model=[smollm2]"], CONF), "conf")
    assert (params.warm_up_models, params.refiner_models) == (["smollm2"], [])
    assert Refiner().chapter(params, Sources()) is None


def evaluations(*triples: tuple[str, str, str]) -> list[RefinerEvaluation]:
    return [RefinerEvaluation(name=name, generator=generator, critic=critic) for name, generator, critic in triples]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"refiner_tasks": ["word_problems"]}, "REFINER has no feedback for the task 'word_problems'"),
        ({"refiner_tasks": ["gsm8k"]}, r"refiner_tasks names gsm8k, .*task=\[\.\.\.,gsm8k\]"),
        ({"refiner_models": ["smollm2"]}, r"refiner_models names smollm2, .*model=\[\.\.\.,smollm2\]"),
        (
            {"refiner_evaluations": evaluations(("a", "refiner", "none"), ("a", "refiner", "trained"))},
            r"refiner_evaluations\.1\.name is a, which another",
        ),
        ({"refiner_evaluations": evaluations(("a", "reft", "none"))}, r"generator is reft, which is not refiner_warm_"),
    ],
)
def test_what_does_not_fit_is_named(committed: Params, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        check(committed, **changes)


@pytest.mark.parametrize(("name", "critic"), [("refiner_oracle", "trained"), ("refiner", "oracle")])
def test_whoever_reads_the_gold_is_called_oracle(name: str, critic: str) -> None:
    with pytest.raises(ValueError, match="a name ends in _oracle exactly if the oracle comments"):
        evaluations((name, "refiner", critic))


def talk(number: int, *attempts: str) -> SampledTrajectory:
    turns = tuple(Turn(solution=TASK.parse(text), feedback=Feedback(text=OPERATOR)) for text in attempts)
    return SampledTrajectory(problem_id=f"p{number}", turns=turns)


def test_the_example_is_the_shortest_wrong_attempt_that_was_put_right(tmp_path: Path) -> None:
    problems = [PROBLEM.model_copy(update={"id": f"p{number}"}) for number in range(4)]
    write_jsonl(tmp_path / "data/tasks/word_problems_formula/test.jsonl", problems)
    path = tmp_path / "evaluations/refiner/word_problems_formula-tiny-t5/trajectories.jsonl"
    sources = Sources(tmp_path / "metrics", data=tmp_path / "data", predictions=tmp_path / "evaluations")

    def example() -> str:
        return refined(sources, "refiner", "word_problems_formula", "tiny-t5")

    assert example() == ""
    write_jsonl(
        path, [talk(0, WORSE, WRONG, GOLD), talk(1, WRONG, GOLD), talk(2, GOLD, WRONG), talk(3, "add(n1,n0)", GOLD)]
    )
    turns = f"Generator: {WRONG}\nCritic:    {OPERATOR}\nGenerator: {GOLD}\nCritic:    {OPERATOR}"
    assert example() == f"{QUESTION}\n\n{turns}"
    write_jsonl(path, [talk(2, GOLD, WRONG), talk(0, WRONG)])
    assert example() == ""
