"""Attention of one new token: the same numbers as transformers' own, whatever the layout, and only while decoding."""

from __future__ import annotations

import pytest
import torch
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from stepwise.generation.base import Sampling
from stepwise.generation.engine import attention
from stepwise.generation.transformers_backend import TransformersBackend


class Layer(torch.nn.Module):
    def __init__(self, groups: int) -> None:
        super().__init__()
        self.num_key_value_groups = groups


def by_column(keys: torch.Tensor) -> torch.Tensor:
    return keys.transpose(2, 3).contiguous().transpose(2, 3)


def states(heads: int, key_heads: int, queries: int = 1) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    return torch.randn(3, heads, queries, 8), torch.randn(3, key_heads, 5, 8), torch.randn(3, key_heads, 5, 8)


def test_one_head_of_size_one_by_hand():
    """Products 2 * 1 and 2 * 0 with scaling 0.5 are 1 and 0; softmax weights e / (e + 1) and 1 / (e + 1)."""
    query, key = torch.tensor([[[[2.0]]]]), torch.tensor([[[[1.0], [0.0]]]])
    value = torch.tensor([[[[10.0], [20.0]]]])
    output, weights = attention.attend(Layer(1), query, key, value, None, scaling=0.5)
    assert output.item() == pytest.approx((10 * 2.718281828 + 20) / 3.718281828)
    assert weights is None


@pytest.mark.parametrize(("heads", "key_heads"), [(4, 4), (6, 2), (4, 1)])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("layout", [by_column, torch.Tensor.contiguous])
def test_it_equals_the_attention_of_transformers(heads, key_heads, masked, layout):
    query, key, value = states(heads, key_heads)
    mask = torch.zeros(3, 1, 1, 5)
    mask[1, ..., :2] = torch.finfo(torch.float32).min
    layer = Layer(heads // key_heads)
    ours, _ = attention.attend(layer, query, layout(key), value, mask if masked else None)
    theirs, _ = sdpa_attention_forward(layer, query, key, value, mask if masked else None)
    assert ours.shape == theirs.shape == (3, 1, heads, 8)
    torch.testing.assert_close(ours, theirs)


def test_a_hidden_column_has_no_weight():
    query, key, value = states(2, 2)
    mask = torch.zeros(3, 1, 1, 5)
    mask[..., 0] = torch.finfo(torch.float32).min
    first, _ = attention.attend(Layer(1), query, key, value, mask)
    value[:, :, 0] = 1e6
    second, _ = attention.attend(Layer(1), query, key, value, mask)
    assert torch.equal(first, second)


def test_several_queries_are_left_to_transformers():
    query, key, value = states(4, 2, queries=5)
    ours, _ = attention.attend(Layer(2), query, key, value, None)
    theirs, _ = sdpa_attention_forward(Layer(2), query, key, value, None)
    assert torch.equal(ours, theirs)


@pytest.mark.parametrize(("name", "served"), [("llama", True), ("opt", True), ("gpt2", True)])
def test_the_model_is_as_before_afterwards(name, served, request, tokenizer, prompts):
    model = request.getfixturevalue(name)
    assert attention.serves(model) is served
    TransformersBackend(model, tokenizer, batch_tokens=400).generate(prompts, Sampling(max_new_tokens=3))
    assert model.config._attn_implementation == "sdpa"


def test_a_failure_restores_the_attention_too(llama):
    def failing() -> None:
        with attention.decoding_attention(llama):
            assert llama.config._attn_implementation == attention.NAME
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    assert llama.config._attn_implementation == "sdpa"


def test_decoding_takes_it(llama, tokenizer, prompts, monkeypatch):
    taken = []
    attend = attention.attend

    def counting(module, query, *args, **kwargs):
        taken.append(query.shape[2])
        return attend(module, query, *args, **kwargs)

    monkeypatch.setitem(type(attention.AttentionInterface())._global_mapping, attention.NAME, counting)
    TransformersBackend(llama, tokenizer, batch_tokens=400).generate(prompts, Sampling(max_new_tokens=4))
    assert 1 in taken


def test_eager_models_keep_their_attention(llama):
    llama.config._attn_implementation = "eager"
    try:
        assert not attention.serves(llama)
    finally:
        llama.config._attn_implementation = "sdpa"
