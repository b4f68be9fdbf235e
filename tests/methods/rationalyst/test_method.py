"""What RATIONALYST says about a run before anything runs: tasks, models and runs that are not chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwise.methods.rationalyst.method import Rationalyst
from stepwise.params import ParamsError, parse
from stepwise.params.compose import compose

CONF = Path(__file__).resolve().parents[3] / "conf"


def check(*overrides: str) -> None:
    Rationalyst().check(parse(compose(overrides, CONF), "conf"))


def test_a_task_that_is_not_chosen_is_named() -> None:
    with pytest.raises(ParamsError, match=r"rationalyst_tasks names word_problems_text, .*task=\[\.\.\.,"):
        check("task=[svamp]")


def test_a_model_that_is_not_chosen_is_named() -> None:
    with pytest.raises(ParamsError, match=r"tiny\.base is models/base/tiny, .*model=\["):
        check("model=[tiny-t5]")


def test_a_transfer_needs_its_run_its_task_and_its_agent() -> None:
    check("rationalyst_transfer=[tiny]")
    with pytest.raises(ParamsError, match=r"tiny-multistep_arithmetic\.run is tiny, .*rationalyst_run=\["):
        check("rationalyst_transfer=[tiny]", "rationalyst_run=[smollm2]")
    with pytest.raises(ParamsError, match=r"smollm2-gsm8k_text\.task names gsm8k_text"):
        check("rationalyst_transfer=[smollm2]")
    with pytest.raises(ParamsError, match=r"agent is models/warm_up/multi.*another rationalyst_transfer"):
        check("rationalyst_transfer=[tiny]", "warm_up_tasks=[word_problems_text]")


def test_demonstrations_are_left_out_of_what_is_repeated_over_seeds() -> None:
    assert Rationalyst().without_demonstrations(parse(compose([], CONF), "conf")) == ["rationalyst_run=[tiny]"]
