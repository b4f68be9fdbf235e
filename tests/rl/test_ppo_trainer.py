import itertools
import json
import logging
import math
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file

from stepwise.generation.base import Completion
from stepwise.models.loading import load_model, save_model
from stepwise.params import LoraParams, RlParams
from stepwise.rl import ppo_trainer, updates
from stepwise.rl.ppo_trainer import PpoTrainer, train
from stepwise.rl.setup import RlSetup
from stepwise.training.resumable_run import TrainingError

PROMPTS = {f"p{number}": ("sort " * (1 + number % 3), "the words"[: 2 + number]) for number in range(8)}
PARAMS = RlParams(steps=4, prompts=4, learning_rate=0.01, evaluations=2, saves=4, batch_tokens=256)
LORA = LoraParams(rank=2, targets=["q_proj"])


def vowels(ids, texts):
    """Something that a policy can learn: the share of vowels."""
    return [sum(char in "aeiou" for char in text) / max(1, len(text)) for text in texts]


def by_name(ids, texts):
    """The same whatever the text; right for half of the prompts."""
    return [int(name[1:]) % 2 for name in ids]


def run(folder, tmp_path, name, params=PARAMS, reward=vowels, **options):
    setup = RlSetup(max_new_tokens=8, seed=3, work=tmp_path / f"{name}.work", out=tmp_path / name, **options)
    return train(folder, PROMPTS, reward, params, setup)


def files_of(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*.safetensors"))}


def weight_sum(model, tokenizer):
    assert not model.training
    return next(iter(model.parameters())).sum().item()


class KilledError(Exception):
    pass


def with_params(**changes):
    return PARAMS.model_copy(update=changes)


VARIANTS = {
    "plain": {},
    "two mini-batches": {"mini_batches": 2},
    "passes of one": {"batch_tokens": 1},
    "lora": {"lora": LORA},
    "value model": {"separate_value_model": True},
    "value model with lora": {"separate_value_model": True, "lora": LORA},
    "all options": {
        "value_warm_up": 2, "bootstrap_truncated": True, "missing_eos_penalty": 0.1, "target_kl": 0.01,
        "entropy_coefficient": 0.01, "samples": 2, "temperature": 0.7,
    },
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("kill_at", [2, 3])
def test_a_killed_run_ends_with_the_same_bytes(llama, tmp_path, monkeypatch, kill_at, variant):
    params = with_params(**VARIANTS[variant])
    whole = run(llama, tmp_path, "whole", params, evaluate=weight_sum)
    step, begun = PpoTrainer._step, []

    def dying(self, number):
        begun.append(number)
        if number == kill_at:
            raise KilledError
        return step(self, number)

    monkeypatch.setattr(PpoTrainer, "_step", dying)
    with pytest.raises(KilledError):
        run(llama, tmp_path, "parts", params, evaluate=weight_sum)
    monkeypatch.setattr(PpoTrainer, "_step", lambda self, n: begun.append(n) or step(self, n))
    resumed = run(llama, tmp_path, "parts", params, evaluate=weight_sum)
    assert begun == [*range(1, kill_at + 1), *range(kill_at, 5)], "earlier work was reused"
    assert files_of(tmp_path / "whole") == files_of(tmp_path / "parts")
    assert (whole.curve, whole.best_step) == (resumed.curve, resumed.best_step)


@pytest.mark.parametrize("folder", ["llama", "t5"])
def test_the_policy_learns(folder, request, tmp_path):
    result = run(request.getfixturevalue(folder), tmp_path, "out", with_params(steps=30, prompts=8, samples=4))
    scores = [row["score"] for row in result.curve]
    assert sum(scores[-5:]) > 1.5 * sum(scores[:5])
    assert (result.steps, result.prompts, result.left_out) == (30, 8, {})


def test_the_exported_policy_is_a_plain_model(llama, tmp_path):
    run(llama, tmp_path, "out", with_params(lora=LORA, separate_value_model=True))
    before, after = load_file(llama / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    assert before.keys() == after.keys()
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        name for name in before if "q_proj" in name
    }
    head = load_file(tmp_path / "out" / "value" / "head.safetensors")
    assert head.keys() == {"v_head.summary.weight", "v_head.summary.bias"}, "the names of the released checkpoints"
    assert head["v_head.summary.weight"].abs().sum() > 0
    assert load_model(tmp_path / "out" / "value" / "model")[0].num_parameters() == load_model(llama)[0].num_parameters()


@pytest.mark.parametrize("folder", ["llama", "t5"])
def test_results_do_not_depend_on_how_a_step_is_cut_into_passes(folder, request, tmp_path):
    """The first update from kept graphs, from a pass of its own, and from passes of a single sequence."""
    folder = request.getfixturevalue(folder)
    for name, tokens in (("kept", 4096), ("apart", 60), ("single", 1)):
        run(folder, tmp_path, name, with_params(steps=2, batch_tokens=tokens, learning_rate=1e-3), by_name)
    kept, apart, single = (load_file(tmp_path / name / "model.safetensors") for name in ("kept", "apart", "single"))
    for name in kept:
        torch.testing.assert_close(kept[name], apart[name], rtol=0, atol=2e-4)
        torch.testing.assert_close(kept[name], single[name], rtol=0, atol=2e-4)


def test_a_kept_graph_saves_the_old_pass(llama, tmp_path, monkeypatch):
    calls = []
    forward = updates.Learner._forward
    monkeypatch.setattr(
        updates.Learner, "_forward", lambda *a, **o: calls.append(torch.is_grad_enabled()) or forward(*a, **o)
    )
    run(llama, tmp_path, "kept", with_params(steps=1, batch_tokens=4096))
    assert calls == [True] * 2
    calls.clear()
    run(llama, tmp_path, "two", with_params(steps=1, batch_tokens=4096, mini_batches=2))
    assert calls == [False] + [True] * 4


def test_the_first_update_sees_ratio_1_and_no_divergence(llama, tmp_path):
    (row,) = run(llama, tmp_path, "out", with_params(steps=1, inner_epochs=1)).curve
    assert (row["ratio"], row["clip_fraction"], row["kl"]) == (1.0, 0.0, 0.0)
    assert row["accuracy"] <= row["score"] == row["reward"]
    assert {"policy_loss", "value_loss", "grad_norm", "explained_variance", "entropy", "truncated"} <= row.keys()


def test_accuracy_is_apart_from_partial_credit(llama, tmp_path):
    def half_right(ids, texts):
        return [1.0 if name in ("p0", "p1", "p2", "p3") else 0.1 for name in ids]

    (row,) = run(llama, tmp_path, "out", with_params(steps=1, prompts=8), half_right).curve
    assert (row["accuracy"], row["score"]) == (0.5, pytest.approx(0.55))


def test_a_tokenizer_without_padding_pads_with_eos_and_nothing_changes(llama, tmp_path):
    """A step that finds padding by its id would mask EOS."""
    model, other = load_model(llama)
    other.pad_token = None
    model.config.pad_token_id = model.generation_config.pad_token_id = None
    save_model(model, other, tmp_path / "no-pad")
    assert load_model(tmp_path / "no-pad")[1].pad_token_id == 1
    for name, folder in (("with", llama), ("without", tmp_path / "no-pad")):
        run(folder, tmp_path, name, with_params(steps=2))
    assert files_of(tmp_path / "with") == files_of(tmp_path / "without")


def test_no_reward_at_all_is_one_warning_and_training_continues(llama, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        result = run(llama, tmp_path, "out", with_params(steps=8), lambda ids, texts: [0.0] * len(ids))
    (warning,) = [record.message for record in caplog.records if "rewarded" in record.message]
    assert "first 5 steps" in warning
    assert len(result.curve) == 8
    assert all(math.isfinite(value) for row in result.curve for value in row.values())


@pytest.mark.parametrize("scores", [[1.0], [math.nan] * 4])
def test_a_reward_that_gives_no_finite_numbers_is_an_error(llama, tmp_path, scores):
    with pytest.raises(TrainingError, match=r"the reward gave \d scores for 4 completions"):
        run(llama, tmp_path, "out", reward=lambda ids, texts: scores)


def test_a_loss_that_is_not_finite_stops_with_step_prompts_and_state(llama, tmp_path, monkeypatch):
    losses, count = updates.Learner._losses, itertools.count()

    def broken(self, outputs, rows, experience, sums):
        values = losses(self, outputs, rows, experience, sums)
        return values * torch.nan if next(count) >= 2 * PARAMS.inner_epochs else values

    monkeypatch.setattr(updates.Learner, "_losses", broken)
    with pytest.raises(TrainingError, match=r"at step 3 the loss is not a finite number in the completions of p\d"):
        run(llama, tmp_path, "out")
    stopped = tmp_path / "out.work" / "stopped-0000003"
    assert {path.name for path in stopped.iterdir()} == {
        "weights.safetensors",
        "optimizer.safetensors",
        "state.json",
    }
    assert all(weight.isfinite().all() for weight in load_file(stopped / "weights.safetensors").values())
    monkeypatch.setattr(updates.Learner, "_losses", losses)
    run(llama, tmp_path, "out")
    run(llama, tmp_path, "whole")
    assert files_of(tmp_path / "out") == files_of(tmp_path / "whole")


def test_empty_completions_are_counted_and_learned_nothing_from(llama, tmp_path, monkeypatch):
    def mute(self, prompts, sampling, journal=None):
        return [
            [Completion("", (), (), "eos") if n % 2 else Completion("a", (7, 1), (0.0, 0.0), "eos")]
            for n, _ in enumerate(prompts)
        ]

    monkeypatch.setattr(ppo_trainer.TransformersBackend, "generate", mute)
    (row,) = run(llama, tmp_path, "out", with_params(steps=1)).curve
    assert (row["empty"], row["response_tokens"]) == (0.5, 1.0)
    monkeypatch.setattr(
        ppo_trainer.TransformersBackend,
        "generate",
        lambda self, prompts, sampling: [[Completion("", (), (), "eos")] for _ in prompts],
    )
    (row,) = run(llama, tmp_path, "none", with_params(steps=1)).curve
    assert (row["empty"], row["loss"]) == (1.0, 0.0)


def test_prompts_without_room_are_an_error(llama, tmp_path):
    setup = RlSetup(max_new_tokens=8, seed=3, work=tmp_path / "work", out=tmp_path / "out")
    with pytest.raises(TrainingError, match=r"none of 1 prompts leaves room for 8 tokens: .*too_long"):
        train(llama, {"a": ("x" * 60,)}, vowels, PARAMS, setup)


def test_checking_runs_beside_the_reference(llama, tmp_path, monkeypatch):
    """The reward waits until the reference has read: if it were called first, it would wait forever."""
    import threading

    read = threading.Event()
    reference = updates.Learner.reference
    monkeypatch.setattr(updates.Learner, "reference", lambda self, samples: (reference(self, samples), read.set())[0])

    def reward(ids, texts):
        assert read.wait(30)
        return vowels(ids, texts)

    run(llama, tmp_path, "out", with_params(steps=1), reward)


SCRIPT = """
import json, sys
from pathlib import Path
from stepwise.params import RlParams
from stepwise.rl.ppo_trainer import train
from stepwise.rl.setup import RlSetup
model, prompts, params, root = json.loads(sys.argv[1])
root = Path(root)
reward = lambda ids, texts: [sum(c in "aeiou" for c in text) / max(1, len(text)) for text in texts]
prompts = {name: tuple(pieces) for name, pieces in prompts.items()}
setup = RlSetup(max_new_tokens=8, seed=3, work=root / "work", out=root / "out")
train(model, prompts, reward, RlParams(**params), setup)
"""


def script(root, folder, params):
    return json.dumps([str(folder), PROMPTS, params.model_dump(), str(root)])


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_ends_with_the_same_bytes(llama, tmp_path, number):
    params = with_params(steps=40, saves=20)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def command(root):
        return [sys.executable, "-c", SCRIPT, script(root, llama, params)]

    subprocess.run(command(tmp_path / "whole"), check=True, env=environment)
    process = subprocess.Popen(command(tmp_path / "parts"), env=environment)
    while process.poll() is None and not list((tmp_path / "parts").glob("work/checkpoint-*")):
        time.sleep(0.002)
    process.send_signal(number)
    assert process.wait() == (-signal.SIGKILL if number == signal.SIGKILL else 128 + signal.SIGTERM)
    subprocess.run(command(tmp_path / "parts"), check=True, env=environment)
    assert files_of(tmp_path / "whole" / "out") == files_of(tmp_path / "parts" / "out")


@pytest.mark.slow
def test_two_processes_make_the_model_of_one(llama, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ACCELERATE_USE_CPU": "true"}
    for root, command in (("one", [sys.executable]), ("two", launch)):
        argument = script(tmp_path / root, llama, with_params(steps=2, learning_rate=1e-3))
        subprocess.run([*command, str(tmp_path / "script.py"), argument], check=True, env=environment)
    single, double = (load_file(tmp_path / root / "out" / "model.safetensors") for root in ("one", "two"))
    for name in single:
        torch.testing.assert_close(single[name], double[name], rtol=0, atol=2e-4)
