"""GRPO and RLOO through TRL: our tokens and stop strings, learning, selection on dev, and resuming after a kill."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from safetensors.torch import load_file
from transformers import LlamaConfig, LlamaForCausalLM

from stepwise.models.loading import load_model, save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import LoraParams, ParamsError, RlParams
from stepwise.rl import trl_rollouts
from stepwise.rl.grpo_rloo import train
from stepwise.rl.setup import RlSetup
from stepwise.tokens import encode
from stepwise.training.resumable_run import TrainingError

PARAMS = RlParams(
    algorithm="grpo", steps=2, prompts=2, samples=4, inner_epochs=2, learning_rate=5e-3, evaluations=2, saves=2
)
PROMPTS = {f"q{number}": (f"say {'so ' * number}", "\n    ") for number in range(1, 5)}
KEPT = ("score", "accuracy", "kl", "clip_fraction", "entropy", "response_tokens", "grad_norm", "loss")


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    torch.manual_seed(0)
    tokenizer = build_tokenizer(["say so"], vocabulary=262)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=64,
        eos_token_id=1,
        pad_token_id=0,
        bos_token_id=None,
    )
    folder = tmp_path_factory.mktemp("models") / "policy"
    save_model(LlamaForCausalLM(config), tokenizer, folder)
    return folder


def low_bytes(ids, texts):
    """Share of characters with a low code: something that every completion can have more of."""
    return [sum(ord(char) < 96 for char in text) / max(len(text), 1) for text in texts]


def run(policy, tmp_path, name, params=PARAMS, reward=low_bytes, **options):
    out = tmp_path / name
    settings = {"max_new_tokens": 6, "seed": 3, **options}
    setup = RlSetup(work=tmp_path / f"{name}-work", out=out, **settings)
    return train(policy, PROMPTS, reward, params, setup), out


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(weights, other):
    return all(torch.equal(value, other[name]) for name, value in weights.items())


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["grpo", "rloo"])
def test_the_score_rises(policy, tmp_path, algorithm):
    params = PARAMS.model_copy(
        update={"algorithm": algorithm, "steps": 20, "prompts": 4, "samples": 8, "learning_rate": 0.02}
    )
    result, out = run(policy, tmp_path, algorithm, params)
    scores = [row["score"] for row in result.curve]
    assert [row["step"] for row in result.curve] == list(range(1, 21))
    assert sum(scores[-3:]) / 3 > sum(scores[:3]) / 3 + 0.1
    assert all(set(KEPT) <= set(row) for row in result.curve)
    assert result.curve[0]["kl"] < result.curve[-1]["kl"]
    assert sorted(path.name for path in out.iterdir() if path.suffix in (".bin", ".pt", ".pkl")) == []


@pytest.mark.parametrize("algorithm", ["grpo", "rloo"])
def test_prompts_are_our_tokens_and_rewards_see_cut_completions(policy, tmp_path, monkeypatch, algorithm):
    tokens, rewarded = [], []
    rollouts = trl_rollouts.Rollouts.__call__

    def recording(self, ids, trainer):
        sampled = rollouts(self, ids, trainer)
        tokens.extend(zip(ids, sampled["prompt_ids"], sampled["completion_ids"], strict=True))
        return sampled

    def reward(ids, texts):
        rewarded.extend(zip(ids, texts, strict=True))
        return low_bytes(ids, texts)

    monkeypatch.setattr(trl_rollouts.Rollouts, "__call__", recording)
    params = PARAMS.model_copy(update={"algorithm": algorithm, "samples": 8})
    run(policy, tmp_path, "run", params, reward, stop=("a", "b", "c", "s", "y", "0"))
    _, tokenizer = load_model(policy)
    names = [name for name, _, _ in tokens]
    assert all(prompt == encode(tokenizer, PROMPTS[name]) for name, prompt, _ in tokens)
    assert names == [name for name, _ in rewarded]
    assert all(len(set(names[start : start + 8])) == 1 for start in range(0, len(names), 8))
    assert len(set(names)) == 4
    texts = [tokenizer.decode(completion, skip_special_tokens=True) for _, _, completion in tokens]
    assert all(whole.startswith(text) for whole, (_, text) in zip(texts, rewarded, strict=True))
    assert not any(set("abcsy0") & set(text) for _, text in rewarded)
    assert any(len(text) < len(whole) for whole, (_, text) in zip(texts, rewarded, strict=True))
    assert all(not set("abcsy0") & set(tokenizer.decode(completion[:-1])) for _, _, completion in tokens), (
        "generation ends at a stop string"
    )


def test_completions_of_one_prompt_differ_and_repeat_by_seed(policy, tmp_path):
    seen = {}

    def reward(ids, texts):
        seen.setdefault(name, []).append(list(texts))
        return low_bytes(ids, texts)

    for name, seed in (("first", 1), ("again", 1), ("other", 2)):
        run(policy, tmp_path, name, PARAMS.model_copy(update={"steps": 1}), reward, seed=seed)
    assert seen["first"] == seen["again"] != seen["other"]
    assert len(set(seen["first"][0][:4])) > 1


@pytest.mark.parametrize("algorithm", ["grpo", "rloo"])
def test_equal_answers_teach_nothing(policy, tmp_path, algorithm):
    params = PARAMS.model_copy(update={"algorithm": algorithm, "kl_coefficient": 0.0, "steps": 1})
    result, out = run(policy, tmp_path, "equal", params, lambda ids, texts: [0.5] * len(ids))
    assert result.curve[0]["equal_groups"] == 1.0
    assert result.curve[0]["grad_norm"] == 0.0
    assert same(weights(out), weights(policy))


@pytest.mark.parametrize("algorithm", ["grpo", "rloo"])
@pytest.mark.parametrize("mini_batches", [1, 2])
def test_a_stopped_run_ends_with_the_same_weights(policy, tmp_path, algorithm, mini_batches):
    params = PARAMS.model_copy(update={"algorithm": algorithm, "mini_batches": mini_batches, "batch_tokens": 40})
    whole, undisturbed = run(policy, tmp_path, "whole", params)
    calls = []

    def stopping(ids, texts):
        calls.append(len(ids))
        if len(calls) == 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return low_bytes(ids, texts)

    with pytest.raises(SystemExit) as stopped:
        run(policy, tmp_path, "stopped", params, stopping)
    assert stopped.value.code == 128 + signal.SIGTERM
    assert len(calls) == 1
    assert not (tmp_path / "stopped").exists()
    files = [path for path in (tmp_path / "stopped-work").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".safetensors", ".json"}
    again, resumed = run(policy, tmp_path, "stopped", params, stopping)
    assert len(calls) == 2
    assert again.curve == whole.curve
    assert same(weights(resumed), weights(undisturbed))


def test_the_best_state_on_dev_is_kept(policy, tmp_path):
    states = []

    def evaluate(model, tokenizer):
        assert not model.training
        states.append({name: value.clone() for name, value in model.state_dict().items()})
        return [1.0, 0.0][len(states) - 1]

    result, out = run(policy, tmp_path, "dev", evaluate=evaluate)
    assert (result.best_step, result.best_score) == (1, 1.0)
    assert [row["dev_score"] for row in result.curve] == [1.0, 0.0]
    assert same(weights(out), states[0])
    assert not same(states[0], states[1])


def test_lora_is_merged_into_a_plain_model(policy, tmp_path):
    params = PARAMS.model_copy(update={"lora": LoraParams(rank=2, alpha=4, targets=["q_proj", "v_proj"]), "steps": 1})
    _, out = run(policy, tmp_path, "lora", params)
    assert weights(out).keys() == weights(policy).keys()
    changed = {name for name, value in weights(out).items() if not torch.equal(value, weights(policy)[name])}
    assert changed == {f"model.layers.0.self_attn.{name}_proj.weight" for name in "qv"}


@pytest.mark.parametrize(
    ("update", "message"),
    [
        ({"samples": 1}, "samples is 1; grpo compares completions and needs at least 2"),
        ({"algorithm": "ppo"}, "algorithm: 'ppo' is not TRL's"),
        ({"target_kl": 6.0, "value_warm_up": 1}, "value_warm_up, target_kl: not known to grpo"),
        ({"algorithm": "rloo", "entropy_coefficient": 0.1}, r"entropy_coefficient: not known to rloo"),
        ({"mini_batches": 3}, "prompts x samples is 8; make it a multiple of mini_batches x processes, 3"),
    ],
)
def test_unsupported_parameters_are_one_error(policy, tmp_path, update, message):
    with pytest.raises(ParamsError, match=message):
        run(policy, tmp_path, "bad", PARAMS.model_copy(update=update))


def test_a_score_that_is_not_finite_stops_the_run(policy, tmp_path):
    with pytest.raises(TrainingError, match="must give a number each"):
        run(policy, tmp_path, "nan", reward=lambda ids, texts: [float("nan")] * len(ids))
