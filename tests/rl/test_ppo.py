import math

import pytest
import torch

from stepwise.rl import ppo

MASK = torch.tensor([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])


def close(result, expected):
    torch.testing.assert_close(result, torch.tensor(expected), rtol=1e-5, atol=1e-6)


def some(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_score_is_the_last_actions_and_the_divergence_every_actions():
    old = torch.tensor([[-1.0, -2.0, -3.0], [-0.5, 9.0, 9.0]])
    reference = torch.tensor([[-2.0, -2.0, -1.0], [-1.5, 0.0, 0.0]])
    rewards = ppo.token_rewards(torch.tensor([1.0, 0.1]), old, reference, MASK, 0.1)
    close(rewards, [[-0.1, 0.0, 1.2], [0.0, 0.0, 0.0]])


def test_a_sequence_without_actions_gets_nothing():
    none = torch.zeros(1, 2)
    assert ppo.token_rewards(torch.tensor([1.0]), none, none, none, 0.1).abs().sum() == 0
    assert ppo.sequence_means(torch.ones(1, 2), none).tolist() == [0.0]


def test_advantages_by_hand():
    """gamma 0.9, lambda 0.5: delta = (0.9*2 - 1, 1 + 0 - 2) = (0.8, -1), A = (0.8 - 0.45, -1)."""
    rewards, values = torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([[1.0, 2.0, 7.0]])
    mask = torch.tensor([[1.0, 1.0, 0.0]])
    advantages, returns = ppo.advantages_and_returns(rewards, values, mask, gamma=0.9, gae_lambda=0.5)
    close(advantages, [[0.35, -1.0, 0.0]])
    close(returns, [[1.35, 1.0, 0.0]])


def test_after_a_truncated_sequence_its_last_value_counts():
    """delta_2 = 1 + 0.9*2 - 2 = 0.8 and A_1 = 0.8 + 0.45*0.8."""
    rewards, values = torch.tensor([[0.0, 1.0, 0.0]]), torch.tensor([[1.0, 2.0, 7.0]])
    mask = torch.tensor([[1.0, 1.0, 0.0]])
    advantages, _ = ppo.advantages_and_returns(
        rewards, values, mask, gamma=0.9, gae_lambda=0.5, truncated=torch.tensor([1.0])
    )
    close(advantages, [[1.16, 0.8, 0.0]])
    same, _ = ppo.advantages_and_returns(
        rewards, values, mask, gamma=0.9, gae_lambda=0.5, truncated=torch.tensor([0.0])
    )
    close(same, [[0.35, -1.0, 0.0]])


def test_with_lambda_one_returns_are_discounted_sums():
    rewards, values = some(1, 2, 3) * MASK, some(2, 2, 3)
    _, returns = ppo.advantages_and_returns(rewards, values, MASK, gamma=0.5, gae_lambda=1.0)
    r = rewards[0]
    close(returns[0], [float(r[0] + r[1] / 2 + r[2] / 4), float(r[1] + r[2] / 2), float(r[2])])


def test_values_outside_the_mask_change_nothing():
    rewards, values = some(1, 2, 3) * MASK, some(2, 2, 3)
    noise = values + (1 - MASK) * 1e3
    first = ppo.advantages_and_returns(rewards, values, MASK, gamma=1.0, gae_lambda=0.95)
    second = ppo.advantages_and_returns(rewards, noise, MASK, gamma=1.0, gae_lambda=0.95)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    old, new = some(3, 2, 3), some(4, 2, 3)
    loss = ppo.policy_loss(new, old, first[0], MASK, 0.2)
    assert torch.equal(loss, ppo.policy_loss(new + (1 - MASK) * 50, old, first[0], MASK, 0.2))


def test_whitened_advantages_have_mean_0_and_variance_1_over_the_mask():
    mask = (some(1, 5, 7) > 0).float()
    whitened = ppo.whiten(3 + 2 * some(2, 5, 7), mask)
    kept = whitened[mask > 0]
    assert kept.mean().item() == pytest.approx(0, abs=1e-6)
    assert kept.var(unbiased=True).item() == pytest.approx(1, rel=1e-5)
    assert whitened[mask == 0].abs().sum() == 0


def test_whitening_by_hand_and_over_processes():
    """1, 2, 3 and 6 have mean 3 and variance 14 / 3."""
    advantages = torch.tensor([[1.0, 2.0, 3.0], [6.0, 99.0, 99.0]])
    scale = math.sqrt(3 / 14)
    expected = [[-2 * scale, -scale, 0.0], [3 * scale, 0.0, 0.0]]
    close(ppo.whiten(advantages, MASK), expected)
    close(ppo.whiten(advantages[:1], MASK[:1], (advantages, MASK)), expected[:1])


def test_one_action_whitens_to_zero():
    assert ppo.whiten(torch.tensor([[5.0]]), torch.ones(1, 1)).item() == 0


def test_policy_loss_by_hand():
    """Ratio 1.5 is clipped to 1.2 for a good action and counts in full for a bad one; 0.5 the other way round."""
    old = torch.zeros(2, 3)
    new = torch.tensor([[1.5, 1.5, 0.5], [0.5, 7.0, 7.0]]).log()
    advantages = torch.tensor([[1.0, -1.0, 1.0], [-1.0, 0.0, 0.0]])
    close(ppo.policy_loss(new, old, advantages, MASK, 0.2), [(-1.2 + 1.5 - 0.5) / 3, 0.8])


def test_at_ratio_1_the_gradient_is_the_policy_gradient():
    logits, actions, advantages = some(1, 2, 3, 5), torch.tensor([[0, 1, 2], [3, 4, 0]]), some(2, 2, 3)

    def gradient(loss):
        leaf = logits.clone().requires_grad_()
        logprobs = leaf.log_softmax(-1).gather(-1, actions[..., None])[..., 0]
        return torch.autograd.grad(loss(logprobs), leaf)[0]

    clipped = gradient(lambda new: ppo.policy_loss(new, new.detach(), advantages, MASK, 0.2).mean())
    plain = gradient(lambda new: -((new * advantages * MASK).sum(1) / MASK.sum(1)).mean())
    torch.testing.assert_close(clipped, plain)


def test_a_long_sequence_weighs_as_much_as_a_short_one():
    logprobs, advantages = torch.zeros(2, 3), torch.tensor([[1.0, 1.0, 1.0], [-1.0, 0.0, 0.0]])
    assert ppo.policy_loss(logprobs, logprobs, advantages, MASK, 0.2).mean().item() == 0


def test_value_loss_by_hand():
    """Old 0, return 1: a value of 0.5 counts as 0.2 (0.64 > 0.25), one of 0.1 as it is, one of -3 as itself (16)."""
    values, old = torch.tensor([[0.5, 0.1, -3.0], [0.5, 8.0, 8.0]]), torch.zeros(2, 3)
    loss = ppo.value_loss(values, old, torch.ones(2, 3), MASK, 0.2)
    close(loss, [0.5 * (0.64 + 0.81 + 16) / 3, 0.32])


def test_explained_variance():
    returns = torch.tensor([[1.0, 2.0, 3.0], [6.0, 0.0, 0.0]])
    assert ppo.explained_variance(returns - 5, returns, MASK) == pytest.approx(1)
    assert ppo.explained_variance(torch.zeros(2, 3), returns, MASK) == pytest.approx(0)
    assert ppo.explained_variance(-9 * returns, returns, MASK) == -1
    assert ppo.explained_variance(returns, torch.ones(2, 3), MASK) == 0


def test_the_adaptive_coefficient_follows_the_divergence():
    assert ppo.adapted(0.1, 6.0, 6.0) == pytest.approx(0.1)
    assert ppo.adapted(0.1, 60.0, 6.0) == pytest.approx(0.102)
    assert ppo.adapted(0.1, 0.0, 6.0) == pytest.approx(0.098)
    assert ppo.adapted(0.1, 6.6, 6.0) == pytest.approx(0.101)
