import itertools
import json
import math
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from safetensors.torch import load_file
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    LlamaForCausalLM,
    OPTConfig,
    T5Config,
    T5ForConditionalGeneration,
)

from stepwise.models.loading import load_model, save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import LoraParams, SftParams
from stepwise.records import Example, Span
from stepwise.training.batching import collate, group_by_length, passes, plan_steps, sizes
from stepwise.training.encoding import Encoded, encode_examples
from stepwise.training.loss import WeightedLoss
from stepwise.training.resumable_run import points
from stepwise.training.sft import TrainingError, TrainSetup, train
from stepwise.training.sft_loop import SftLoop, rate_factor
from tests.small_models import encode_example

PARAMS = SftParams(batch_examples=4, batch_tokens=64, learning_rate=0.01, evaluations=2, saves=3, max_length=64)


@pytest.fixture(scope="module")
def tokenizer():
    return build_tokenizer(["sort the words"], vocabulary=262)


@pytest.fixture(scope="module")
def llama(tokenizer, tmp_path_factory):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        tie_word_embeddings=True,
        max_position_embeddings=64,
        eos_token_id=1,
        pad_token_id=0,
    )
    folder = tmp_path_factory.mktemp("models") / "llama"
    save_model(LlamaForCausalLM(config), tokenizer, folder)
    return folder


@pytest.fixture(scope="module")
def t5(tokenizer, tmp_path_factory):
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0,
        dropout_rate=0.0, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "t5"
    save_model(T5ForConditionalGeneration(config), tokenizer, folder)
    return folder


def example(name, prompt, answer, weight=1.0):
    return Example(id=name, spans=(Span(text=prompt, weight=0.0), Span(text=answer, weight=weight)))


EXAMPLES = [example(f"e{n}", "sort " * (1 + n % 3), "words" * (1 + n % 5), 1 + n % 2) for n in range(10)]


def weights_of(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.safetensors"))}


# --- encoding ---


def test_spans_are_tokenised_apart_and_eos_is_learned(tokenizer):
    encoded = encode_example(tokenizer, example("a", "so", "rt the", 1.5))
    assert tokenizer.convert_ids_to_tokens(encoded.tokens) == ["s", "o", "r", "t", "Ġthe", "<eos>"]
    assert encoded.weights == (0.0, 0.0, 1.5, 1.5, 1.5, 1.5)


def test_unlearned_end_gets_no_eos_and_first_token_is_no_target(tokenizer):
    encoded = encode_example(tokenizer, Example(id="a", spans=(Span(text="ab"), Span(text="c", weight=0.0))))
    assert (len(encoded.tokens), encoded.weights) == (3, (0.0, 1.0, 0.0))


def test_seq2seq_reads_the_prompt_with_the_encoder(tokenizer):
    encoded = encode_example(tokenizer, example("a", "so", "rt"), seq2seq=True)
    assert (len(encoded.source), len(encoded.tokens), encoded.weights) == (2, 3, (1.0, 1.0, 1.0))


def test_what_cannot_be_learned_is_counted(tokenizer):
    examples = [example("a", "x", "y" * 9), example("b", "x", "y"), Example(id="c", spans=(Span(text="x", weight=0),))]
    kept, left_out = encode_examples(tokenizer, examples, max_length=5)
    assert [example.id for example in kept] == ["b"]
    assert left_out == {"too_long": 1, "nothing_learned": 1}


# --- batching ---


def test_every_epoch_sees_every_example_in_a_new_order():
    steps = plan_steps(10, epochs=3, batch=4, seed=7)
    assert [len(step) for step in steps] == [4] * 7 + [2]
    flat = [index for step in steps for index in step]
    epochs = [flat[start : start + 10] for start in (0, 10, 20)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1]
    assert steps == plan_steps(10, epochs=3, batch=4, seed=7) != plan_steps(10, epochs=3, batch=4, seed=8)


def test_groups_have_the_least_cost_of_all_splits(monkeypatch):
    monkeypatch.setattr("stepwise.training.batching.PASS_COST", 10)
    lengths = [5, 30, 6, 31, 7, 90]
    ordered = sorted(lengths)

    def cost(cuts):
        bounds = [0, *cuts, len(ordered)]
        groups = [ordered[a:b] for a, b in itertools.pairwise(bounds)]
        fits = all(len(group) == 1 or len(group) * group[-1] <= 100 for group in groups)
        return sum(len(group) * group[-1] + 10 for group in groups) if fits else math.inf

    splits = itertools.chain.from_iterable(itertools.combinations(range(1, 6), size) for size in range(6))
    groups = group_by_length(lengths, 100)
    total = sum(len(group) * max(lengths[i] for i in group) + 10 for group in groups)
    assert total == min(map(cost, splits))
    assert sorted(index for group in groups for index in group) == list(range(6))


def test_processes_share_a_step_evenly():
    step = [Encoded(str(n), (1,) * n, (1.0,) * n) for n in (3, 50, 4, 40, 5)]
    shares = [passes(step, 60, rank=rank, world=2) for rank in (0, 1)]
    assert len(shares[0]) == len(shares[1])
    ids = sorted(example.id for share in shares for group in share for example in group)
    assert ids == sorted(example.id for example in step)
    assert [len(share) for share in (passes(step[:1], 60, rank=rank, world=2) for rank in (0, 1))] == [1, 1]
    assert sizes(step[:1], 60) == (3, 3)


def test_padding_has_no_weight():
    batch = collate([Encoded("a", (5, 6, 7), (0.0, 1.0, 2.0)), Encoded("b", (5, 6), (0.0, 1.0))], pad=0)
    assert batch["input_ids"].tolist() == [[5, 6], [5, 0]]
    assert batch["targets"].tolist() == [[6, 7], [6, 0]]
    assert batch["weights"].tolist() == [[1.0, 2.0], [1.0, 0.0]]


# --- loss ---


def test_loss_is_weighted_cross_entropy_by_hand(llama, tokenizer):
    model, _ = load_model(llama)
    encoded = encode_example(tokenizer, example("a", "ab", "cd", 1.5))
    logits = model(input_ids=torch.tensor([encoded.tokens])).logits[0].log_softmax(-1)
    by_hand = -sum(
        w * logits[i, t] for i, (t, w) in enumerate(zip(encoded.tokens[1:], encoded.weights[1:], strict=True))
    )
    assert WeightedLoss(model)(collate([encoded], pad=0)).item() == pytest.approx(by_hand.item(), rel=1e-5)


@pytest.mark.parametrize("folder", ["llama", "t5"])
def test_gradients_do_not_depend_on_grouping_or_chunks(folder, request, tokenizer):
    model, _ = load_model(request.getfixturevalue(folder))
    seq2seq = model.config.is_encoder_decoder
    encoded = [encode_example(tokenizer, text, seq2seq=seq2seq) for text in EXAMPLES[:8]]
    start = 0 if seq2seq else None

    def gradients(groups, chunk):
        model.zero_grad()
        sum(WeightedLoss(model, chunk)(collate(group, pad=0, decoder_start=start)) for group in groups).backward()
        return [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]

    together, apart = gradients([encoded], 2048), gradients([[text] for text in encoded], 5)
    assert len(together) == len(apart) > 5
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(together, apart, strict=True))


@pytest.mark.parametrize("family", ["llama", "opt", "gpt2"])
def test_causal_loss_of_a_padded_batch_equals_the_models_own(family, tokenizer):
    shapes = {
        "llama": LlamaConfig(hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2),
        "opt": OPTConfig(
            hidden_size=16, word_embed_proj_dim=8, ffn_dim=32, num_hidden_layers=2, num_attention_heads=2, dropout=0.0
        ),
        "gpt2": GPT2Config(n_embd=16, n_layer=2, n_head=2),
    }
    torch.manual_seed(0)
    config = shapes[family]
    config.vocab_size, config.pad_token_id, config.eos_token_id = len(tokenizer), 0, 1
    model = AutoModelForCausalLM.from_config(config).eval()
    encoded = [
        encode_example(tokenizer, text) for text in (example("a", "so", "rt"), example("b", "sort ", "words " * 3))
    ]
    own = 0.0
    for text in encoded:
        tokens = torch.tensor([text.tokens])
        labels = torch.where(torch.tensor([text.weights]) > 0, tokens, -100)
        own += model(input_ids=tokens, labels=labels).loss.item() * sum(text.weights)
    assert WeightedLoss(model)(collate(encoded, pad=0)).item() == pytest.approx(own, rel=1e-5)


def test_seq2seq_loss_equals_the_models_own(t5, tokenizer):
    model, _ = load_model(t5)
    encoded = encode_example(tokenizer, example("a", "sort", "words"), seq2seq=True)
    own = model(input_ids=torch.tensor([encoded.source]), labels=torch.tensor([encoded.tokens])).loss
    loss = WeightedLoss(model)(collate([encoded], pad=0, decoder_start=0)) / len(encoded.tokens)
    assert loss.item() == pytest.approx(own.item(), rel=1e-5)


# --- schedule ---


def test_rate_rises_then_falls():
    params = SftParams(warm_up_share=0.2, schedule="linear")
    rates = [rate_factor(step, 10, params) for step in range(1, 11)]
    assert rates[:2] == [0.5, 1.0]
    assert rates[2:] == pytest.approx([8 / 9, 7 / 9, 6 / 9, 5 / 9, 4 / 9, 3 / 9, 2 / 9, 1 / 9])
    assert rate_factor(10, 10, SftParams(schedule="constant")) == 1.0
    assert points(10, 4) == {2, 5, 8, 10}
    assert points(2, 8) == {1, 2}


# --- training ---


def run(folder, tmp_path, name, params=PARAMS, examples=EXAMPLES, epochs=2, steps=0, evaluate=None):
    setup = TrainSetup(seed=3, work=tmp_path / f"{name}.work", out=tmp_path / name, evaluate=evaluate)
    return train(folder, examples, params, setup, epochs=epochs, steps=steps)


@pytest.mark.parametrize("folder", ["llama", "t5"])
def test_training_learns(folder, request, tmp_path):
    result = run(request.getfixturevalue(folder), tmp_path, "out", epochs=20)
    assert result.curve[-1]["loss"] < 0.5 * result.curve[0]["loss"]
    assert (result.steps, result.examples, result.left_out) == (50, 10, {})
    assert 0 <= result.padding_share < 0.5


def test_a_step_goes_as_far_as_the_rates_say(t5, tmp_path):
    """AdamW's first step moves what has a gradient by the learning rate: T5's biases by ten times as much."""
    params = PARAMS.model_copy(update={"optimizer": "muon", "evaluations": 1, "saves": 1})
    run(t5, tmp_path, "muon", params, epochs=0, steps=1)
    before, after = (load_file(folder / "model.safetensors") for folder in (t5, tmp_path / "muon"))
    moved = {name: (after[name] - weight).abs().max().item() for name, weight in before.items()}
    biases = [far for name, far in moved.items() if "relative_attention_bias" in name]
    assert biases == pytest.approx([0.1, 0.1], rel=0.01)
    assert moved["shared.weight"] == pytest.approx(0.01, rel=0.01)


def test_the_best_state_on_dev_is_kept(llama, tmp_path):
    scores = iter([0.9, 0.2])
    states = []

    def evaluate(model, tokenizer):
        assert not model.training
        states.append({name: value.clone() for name, value in model.state_dict().items()})
        return next(scores)

    result = run(llama, tmp_path, "out", evaluate=evaluate)
    assert (result.best_step, result.best_score) == (2, 0.9)
    kept = load_model(tmp_path / "out")[0].state_dict()
    assert all(torch.equal(kept[name], states[0][name]) for name in kept)
    assert [row.get("dev_score") for row in result.curve] == [None, 0.9, None, None, 0.2]


@pytest.mark.parametrize("steps", [2, 7])
def test_exactly_so_many_steps_are_taken(llama, tmp_path, steps):
    result = run(llama, tmp_path, "out", steps=steps)
    assert (result.steps, len(result.step_tokens)) == (steps, steps)
    assert sum(result.step_tokens) == result.tokens
    assert result.curve[-1]["step"] == steps


class KilledError(Exception):
    pass


@pytest.mark.parametrize(("lora", "optimizer"), [(0, "adamw"), (2, "adamw"), (0, "muon")])
@pytest.mark.parametrize("kill_at", [3, 4, 5])
def test_a_killed_run_ends_with_the_same_bytes(llama, tmp_path, monkeypatch, kill_at, lora, optimizer):
    adapters = LoraParams(rank=lora, dropout=0.3, targets=["q_proj"])
    params = PARAMS.model_copy(update={"lora": adapters, "optimizer": optimizer})

    def evaluate(model, tokenizer):
        return next(iter(model.parameters())).sum().item()

    whole = run(llama, tmp_path, "whole", params, evaluate=evaluate)
    step, begun = SftLoop._step, []

    def dying(self, number):
        begun.append(number)
        if number == kill_at:
            raise KilledError
        return step(self, number)

    monkeypatch.setattr(SftLoop, "_step", dying)
    with pytest.raises(KilledError):
        run(llama, tmp_path, "parts", params, evaluate=evaluate)
    monkeypatch.setattr(SftLoop, "_step", lambda self, number: begun.append(number) or step(self, number))
    resumed = run(llama, tmp_path, "parts", params, evaluate=evaluate)
    assert begun[kill_at] == {3: 3, 4: 4, 5: 4}[kill_at], "earlier work was reused"
    assert weights_of(tmp_path / "whole") == weights_of(tmp_path / "parts")
    assert (whole.curve, whole.best_step) == (resumed.curve, resumed.best_step)


def test_work_of_another_run_is_not_used(llama, tmp_path):
    run(llama, tmp_path, "first")
    (tmp_path / "first.work").rename(tmp_path / "other.work")
    run(llama, tmp_path, "other", PARAMS.model_copy(update={"learning_rate": 0.02}))
    run(llama, tmp_path, "fresh", PARAMS.model_copy(update={"learning_rate": 0.02}))
    assert weights_of(tmp_path / "other") == weights_of(tmp_path / "fresh") != weights_of(tmp_path / "first")


def test_lora_is_merged_into_a_plain_model(llama, tmp_path):
    params = PARAMS.model_copy(update={"lora": LoraParams(rank=2, targets=["q_proj"])})
    run(llama, tmp_path, "out", params)
    before, after = load_file(llama / "model.safetensors"), load_file(tmp_path / "out" / "model.safetensors")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert before.keys() == after.keys()
    assert changed == {name for name in before if "q_proj" in name}


def test_bf16_stays_close_to_fp32(llama, tmp_path):
    low = run(llama, tmp_path, "low", PARAMS.model_copy(update={"precision": "bf16"}))
    full = run(llama, tmp_path, "full")
    assert low.curve[-1]["loss"] == pytest.approx(full.curve[-1]["loss"], rel=0.02)


def test_nothing_left_to_learn_is_an_error(llama, tmp_path):
    with pytest.raises(TrainingError, match=r"none of 10 examples .*too_long"):
        run(llama, tmp_path, "out", PARAMS.model_copy(update={"max_length": 2}))


def test_a_loss_that_is_not_finite_stops_with_the_examples(llama, tmp_path, tokenizer):
    model, _ = load_model(llama)
    with torch.no_grad():
        model.model.norm.weight.fill_(math.nan)
    save_model(model, tokenizer, tmp_path / "broken")
    with pytest.raises(TrainingError, match=r"nan at step 1 in the examples e\d"):
        run(tmp_path / "broken", tmp_path, "out")
    assert not (tmp_path / "out").exists()


SCRIPT = """
import json, sys
from pathlib import Path
from stepwise.params import SftParams
from stepwise.records import Example
from stepwise.training.sft import TrainSetup, train
model, examples, params, root = json.loads(sys.argv[1])
root = Path(root)
examples = [Example(**fields) for fields in examples]
setup = TrainSetup(seed=3, work=root / "work", out=root / "out")
train(model, examples, SftParams(**params), setup, epochs=40)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_ends_with_the_same_bytes(llama, tmp_path, number):
    params = PARAMS.model_copy(update={"saves": 10})
    plain = [text.model_dump() for text in EXAMPLES]

    def command(root):
        argument = json.dumps([str(llama), plain, params.model_dump(), str(root)])
        return [sys.executable, "-c", SCRIPT, argument]

    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command(tmp_path / "whole"), check=True, env=environment)
    process = subprocess.Popen(command(tmp_path / "parts"), env=environment)
    while process.poll() is None and not list((tmp_path / "parts").glob("work/checkpoint-*")):
        time.sleep(0.002)
    process.send_signal(number)
    assert process.wait() == (-signal.SIGKILL if number == signal.SIGKILL else 128 + signal.SIGTERM)
    assert not (tmp_path / "parts" / "out").exists()
    subprocess.run(command(tmp_path / "parts"), check=True, env=environment)
    assert weights_of(tmp_path / "whole" / "out") == weights_of(tmp_path / "parts" / "out")


@pytest.mark.slow
def test_two_processes_make_the_model_of_one(llama, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    plain = [text.model_dump() for text in EXAMPLES]
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone"]
    for root, command in (("one", [sys.executable]), ("two", launch)):
        argument = json.dumps([str(llama), plain, PARAMS.model_dump(), str(tmp_path / root)])
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "ACCELERATE_USE_CPU": "true"}
        subprocess.run([*command, str(tmp_path / "script.py"), argument], check=True, env=environment)
    single, double = (load_file(tmp_path / root / "out" / "model.safetensors") for root in ("one", "two"))
    assert all(torch.allclose(single[name], double[name], atol=2e-3) for name in single)
