from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from stepwise.generation.base import Sampling
from stepwise.generation.engine.sampling import choose, filtered, uniforms

LOGITS = torch.log(torch.tensor([[0.5, 0.25, 0.15, 0.1]]))


def kept(logits):
    return torch.isfinite(logits)[0].tolist()


def test_top_k_keeps_the_likeliest():
    assert kept(filtered(LOGITS, 2, 1.0)) == [True, True, False, False]
    assert kept(filtered(LOGITS, 0, 1.0)) == [True] * 4
    assert kept(filtered(LOGITS, 9, 1.0)) == [True] * 4


@pytest.mark.parametrize(("top_p", "count"), [(0.0, 1), (0.4, 1), (0.6, 2), (0.8, 3), (0.95, 4), (1.0, 4)])
def test_the_nucleus_is_the_smallest_set_that_reaches_top_p(top_p, count):
    assert kept(filtered(LOGITS, 0, top_p)) == [True] * count + [False] * (4 - count)


def test_top_p_follows_probability_not_position():
    assert kept(filtered(LOGITS.flip(-1), 0, 0.6)) == [False, False, True, True]


def test_greedy_takes_the_likeliest_with_its_log_probability():
    tokens, logprobs = choose(LOGITS, Sampling(), None)
    assert tokens.tolist() == [0]
    assert logprobs.tolist() == pytest.approx([math.log(0.5)])


def test_chance_picks_along_the_cumulative_distribution():
    chance = torch.tensor([0.0, 0.499, 0.501, 0.749, 0.751, 0.899, 0.901, 0.9999], dtype=torch.float64)
    tokens, logprobs = choose(LOGITS.expand(8, 4), Sampling(temperature=1.0), chance)
    assert tokens.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert logprobs.exp().tolist() == pytest.approx([0.5, 0.5, 0.25, 0.25, 0.15, 0.15, 0.1, 0.1])


def test_log_probabilities_are_those_at_temperature_one_without_filters():
    _, logprobs = choose(LOGITS, Sampling(temperature=0.1, top_k=1), torch.tensor([0.5], dtype=torch.float64))
    assert logprobs.tolist() == pytest.approx([math.log(0.5)])


def test_frequencies_follow_the_tempered_distribution():
    chance = torch.from_numpy(uniforms(0, ("a",), 0, 20_000))
    tokens, _ = choose(LOGITS.expand(20_000, 4), Sampling(temperature=2.0), chance)
    expected = (LOGITS / 2).softmax(-1)[0]
    assert (torch.bincount(tokens) / 20_000).tolist() == pytest.approx(expected.tolist(), abs=0.015)


def test_a_filtered_token_is_never_drawn():
    chance = torch.linspace(0, 1 - 2**-53, 1001, dtype=torch.float64)
    tokens, _ = choose(LOGITS.flip(-1).expand(1001, 4), Sampling(temperature=1.0, top_k=2), chance)
    assert set(tokens.tolist()) == {2, 3}


def test_uniforms_depend_on_seed_prompt_and_sample_only():
    base = uniforms(1, ("a", "b"), 0, 8)
    assert np.array_equal(base, uniforms(1, ("a", "b"), 0, 8))
    assert np.array_equal(base[:5], uniforms(1, ("a", "b"), 0, 5))
    for other in (uniforms(2, ("a", "b"), 0, 8), uniforms(1, ("ab",), 0, 8), uniforms(1, ("a", "b"), 1, 8)):
        assert not np.intersect1d(base, other).size
