from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stepwise.methods.tripost.method import Tripost
from stepwise.params import Params, ParamsError, parse
from stepwise.params.compose import compose
from stepwise.params.tripost import TripostRound

CONF = Path(__file__).resolve().parents[3] / "conf"


@pytest.fixture(scope="module")
def committed() -> Params:
    return parse(compose((), CONF), "conf")


def check(params: Params, **changes: Any) -> None:
    Tripost().check(params.model_copy(update=changes))


def test_the_committed_parameters_fit(committed: Params) -> None:
    assert committed.tripost_rounds
    check(committed)


@pytest.mark.parametrize(
    ("tasks", "trained"),
    [
        ("svamp,gsm8k,word_problems_text", []),
        ("word_problems_text,date_understanding,word_sorting", ["date_understanding", "word_sorting"]),
    ],
)
def test_it_trains_on_those_of_its_tasks_that_a_run_has(tasks: str, trained: list[str]) -> None:
    params = parse(compose([f"task=[{tasks}]"], CONF), "conf")
    assert params.tripost_tasks == trained
    check(params)


def test_a_teacher_that_the_run_does_not_make_is_named(committed: Params) -> None:
    with pytest.raises(ParamsError, match=r"tripost_edit\.teacher is models/instruct/smollm2, which no stage makes"):
        check(committed, instructs=["tiny"])


def test_a_task_that_is_not_chosen_is_named(committed: Params) -> None:
    with pytest.raises(ParamsError, match=r"tripost_tasks names gsm8k, .*task=\[\.\.\.,gsm8k\]"):
        check(committed, tasks=["word_sorting"], tripost_tasks=["word_sorting", "gsm8k"])


def test_a_task_without_a_warm_up_is_named(committed: Params) -> None:
    with pytest.raises(ParamsError, match="word_sorting, which no model is warmed up on; add it to warm_up_tasks"):
        check(committed, tripost_tasks=["word_sorting"], warm_up_tasks=["multistep_arithmetic"])


def rounds(*starts: str, numbers: str = "123") -> list[TripostRound]:
    """Rounds a, b and c."""
    return [
        TripostRound(name=name, number=int(number), start=start)
        for name, number, start in zip("abc", numbers, starts, strict=False)
    ]


@pytest.mark.parametrize(
    ("chain", "message"),
    [
        (rounds("b"), r"tripost_rounds\.0\.start is b, which is not warm_up$"),
        (rounds("warm_up", "b"), r"tripost_rounds\.1\.start is b, which is not warm_up or a$"),
        (rounds("warm_up", "a", numbers="13"), r"tripost_rounds\.1\.number is 3; .* in order, so it is 2"),
        (rounds("warm_up", numbers="2"), r"tripost_rounds\.0\.number is 2"),
    ],
)
def test_rounds_start_from_earlier_ones_and_are_numbered(
    committed: Params, chain: list[TripostRound], message: str
) -> None:
    with pytest.raises(ParamsError, match=message):
        check(committed, tripost_rounds=chain)


def test_a_round_may_start_from_any_earlier_one(committed: Params) -> None:
    check(committed, tripost_rounds=rounds("warm_up", "warm_up", "a"))
