import pytest
import torch
from safetensors.torch import load_file

from stepwise.models.adapters import with_lora
from stepwise.models.loading import load_model
from stepwise.models.value_head import ValueHead
from stepwise.params import LoraParams
from stepwise.rl import actor_critic
from stepwise.rl.actor_critic import ActorCritic
from stepwise.training.batching import collate
from stepwise.training.encoding import Encoded

PROMPT, ACTIONS = (5, 6, 7, 8), (9, 10, 1)


def batch(seq2seq, pad=0):
    if seq2seq:
        rows = [Encoded("a", ACTIONS, (1.0,) * 3, PROMPT), Encoded("b", (9,), (1.0,), (5, 6))]
    else:
        rows = [Encoded("a", PROMPT + ACTIONS, (0.0,) * 4 + (1.0,) * 3), Encoded("b", (5, 6, 9), (0.0, 0.0, 1.0))]
    return collate(rows, pad=pad, decoder_start=0 if seq2seq else None)


def actor_of(folder, **options):
    model, _ = load_model(folder)
    actor = ActorCritic(model, **options).eval()
    torch.nn.init.normal_(actor.value_head.summary.weight, generator=torch.Generator().manual_seed(0))
    return actor


@pytest.mark.parametrize("folder", ["llama", "t5"])
def test_log_probabilities_are_those_of_the_whole_model(folder, request):
    actor = actor_of(request.getfixturevalue(folder))
    seq2seq = actor.model.config.is_encoder_decoder
    outputs = actor(batch(seq2seq))
    if seq2seq:
        out = actor.model(input_ids=torch.tensor([PROMPT]), decoder_input_ids=torch.tensor([(0, *ACTIONS[:-1])]))
        logits = out.logits[0].log_softmax(-1)
    else:
        logits = actor.model(torch.tensor([PROMPT + ACTIONS])).logits[0, 3:6].log_softmax(-1)
    expected = logits[torch.arange(3), list(ACTIONS)]
    torch.testing.assert_close(outputs.logprobs[:3], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(outputs.entropy[:3], -(logits.exp() * logits).sum(-1), rtol=1e-4, atol=1e-5)
    assert outputs.logprobs.shape == outputs.values.shape == (4,)


def test_values_are_a_linear_function_of_the_last_hidden_state(llama):
    actor = actor_of(llama)
    hidden = actor.model(torch.tensor([PROMPT + ACTIONS]), output_hidden_states=True).hidden_states[-1][0, 3:6]
    torch.testing.assert_close(actor(batch(False)).values[:3], actor.value_head(hidden), rtol=1e-4, atol=1e-5)


def test_chunks_change_neither_numbers_nor_gradients(llama, monkeypatch):
    def run():
        actor = actor_of(llama)
        outputs = actor(batch(False), entropy_gradient=True)
        (outputs.logprobs.sum() + outputs.entropy.square().sum()).backward()
        return [*outputs, actor.model.get_input_embeddings().weight.grad]

    whole = run()
    monkeypatch.setattr(actor_critic, "CHUNK_LOGITS", 1)
    for first, other in zip(whole, run(), strict=True):
        torch.testing.assert_close(first, other)


def test_models_that_change_their_logits_use_their_own(llama):
    actor = actor_of(llama)
    short = actor(batch(False))
    actor.model.config.logit_scale = 1.0
    for first, other in zip(short, actor(batch(False)), strict=True):
        torch.testing.assert_close(first, other)


def test_a_temperature_is_the_distribution_that_was_sampled(llama):
    cold = actor_of(llama, temperature=0.5)(batch(False)).logprobs[0]
    logits = actor_of(llama).model(torch.tensor([PROMPT])).logits[0, -1]
    torch.testing.assert_close(cold, (logits / 0.5).log_softmax(-1)[9], rtol=1e-4, atol=1e-5)


def test_padding_and_its_token_change_nothing(llama):
    actor = actor_of(llama)
    for first, other in zip(actor(batch(False, pad=0)), actor(batch(False, pad=1)), strict=True):
        torch.testing.assert_close(first, other)


def test_in_the_value_warm_up_only_the_head_has_a_gradient(llama):
    actor = actor_of(llama)
    outputs = actor(batch(False), learn_policy=False)
    assert not outputs.logprobs.requires_grad
    outputs.values.sum().backward()
    assert {name for name, parameter in actor.named_parameters() if parameter.grad is not None} == {
        "value_head.summary.weight", "value_head.summary.bias",
    }  # fmt: skip


def test_with_adapters_the_reference_is_the_policy_without_them(llama):
    plain, _ = load_model(llama)
    adapted = with_lora(load_model(llama)[0], LoraParams(rank=2, targets=["q_proj"]), 1)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.ones_(parameter)
    actor = ActorCritic(adapted).eval()
    apart = actor.reference(batch(False), plain)
    switched_off = actor.reference(batch(False), None)
    torch.testing.assert_close(apart, switched_off)
    assert not torch.allclose(actor(batch(False)).logprobs, switched_off)


def test_a_value_head_is_saved_as_in_the_released_checkpoints(tmp_path):
    head = ValueHead(2)
    torch.nn.init.constant_(head.summary.bias, 0.5)
    head.save(tmp_path / "value" / "head.safetensors")
    assert {name: value.tolist() for name, value in load_file(tmp_path / "value" / "head.safetensors").items()} == {
        "v_head.summary.weight": [[0.0, 0.0]], "v_head.summary.bias": [0.5],
    }  # fmt: skip


def test_a_new_value_head_says_zero():
    assert ValueHead(3)(torch.ones(2, 3)).tolist() == [0.0, 0.0]
