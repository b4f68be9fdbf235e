"""Which ways of prompting a run may have, and what others learn of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwise import params
from stepwise.methods import registry
from stepwise.methods.tripost.method import Tripost
from stepwise.params import ParamsError
from stepwise.params.compose import compose
from stepwise.params.tripost import TrainedPrompt, TripostPrompt

CONF = Path(__file__).resolve().parents[3] / "conf"


def prompts(*entries):
    return [TripostPrompt(**{"agent": "smollm2", "mode": "few_shot", **entry}) for entry in entries]


@pytest.fixture(scope="module")
def default():
    return params.parse(compose(folder=CONF), "conf/")


def changed(default, **update):
    return default.model_copy(update=update)


def test_by_default_nothing_is_prompted(default):
    assert (default.tripost_prompts, default.tripost_trained_prompts) == ([], [])
    Tripost().check(default)


@pytest.mark.parametrize("scale", ["gpu", "paper"])
def test_a_scale_with_large_models_prompts_them_in_every_mode(scale):
    run = params.parse(compose([f"scale={scale}"], CONF), "conf/")
    Tripost().check(run)
    assert [prompt.mode for prompt in run.tripost_prompts] == ["few_shot", "self_improve", "self_improve_oracle"]
    assert [(prompt.mode, prompt.shots) for prompt in run.tripost_trained_prompts] == [
        ("self_improve", 0),
        ("self_improve_oracle", 0),
    ]
    assert set(registry.agents(run)) == set(run.instructs)


@pytest.mark.parametrize(("name", "mode"), [("self_improve", "self_improve_oracle"), ("few_shot_oracle", "few_shot")])
def test_the_name_says_whether_there_is_an_oracle(name, mode):
    with pytest.raises(ValueError, match="ends in _oracle"):
        TripostPrompt(name=name, agent="smollm2", mode=mode)


def test_trained_models_have_no_examples():
    with pytest.raises(ValueError, match="shots"):
        TrainedPrompt(name="any", mode="self_improve", shots=3)
    with pytest.raises(ValueError, match="mode"):
        TrainedPrompt(name="any", mode="few_shot")


def test_an_agent_has_to_be_chosen(default):
    Tripost().check(changed(default, tripost_prompts=prompts({"name": "few_shot"})))
    with pytest.raises(ParamsError, match=r"tripost_prompts\.0\.agent is models/instruct/llama.*instruct=\["):
        Tripost().check(changed(default, tripost_prompts=prompts({"name": "few_shot", "agent": "llama"})))


def test_a_trained_agent_is_the_warm_up_or_a_round(default):
    for start in ("warm_up", "tripost_2"):
        allowed = TrainedPrompt(name="any", mode="self_improve", start=start)
        Tripost().check(changed(default, tripost_trained_prompts=[allowed]))
    wrong = TrainedPrompt(name="any", mode="self_improve", start="tripost_3")
    with pytest.raises(ParamsError, match=r"tripost_trained_prompts\.0\.start is tripost_3, which is not warm_up or"):
        Tripost().check(changed(default, tripost_trained_prompts=[wrong]))


@pytest.mark.parametrize("name", ["lmsi", "warm_up", "tripost_1", "twice"])
def test_names_are_taken_once(default, name):
    with pytest.raises(ParamsError, match=rf"\.name is {name}, which other results have already"):
        Tripost().check(changed(default, tripost_prompts=prompts({"name": "twice"}, {"name": name})))
