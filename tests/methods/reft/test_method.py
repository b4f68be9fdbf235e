from __future__ import annotations

from pathlib import Path

import pytest

from stepwise.methods.reft.method import Reft
from stepwise.params import Params, ParamsError, parse
from stepwise.params.compose import compose

CONF = Path(__file__).resolve().parents[3] / "conf"


def composed(*overrides: str) -> Params:
    return parse(compose(overrides, CONF), "conf")


def test_it_takes_the_first_task() -> None:
    params = composed("task=[svamp,gsm8k,word_problems_text]")
    assert params.reft_tasks == ["svamp"]
    Reft().check(params)


def test_a_task_that_is_not_chosen_is_named() -> None:
    with pytest.raises(ParamsError, match=r"reft_tasks names gsm8k, .*task=\[\.\.\.,gsm8k\]"):
        Reft().check(composed("reft_tasks=[gsm8k]"))
