"""Proximal policy optimisation with the equations of ReFT (arXiv 2401.08967, section 3.2), as pure functions.

The idea: a fine-tuned model samples a completion, a reward scores it, and the tokens that led to high scores become
likelier, at a price for moving away from the fine-tuned model. With pi the policy, pi_0 that model and V a linear head
on the policy's last hidden state, the action a_t (a token) in state s_t gets

    r_t = [t is last] score - beta (log pi_old(a_t|s_t) - log pi_0(a_t|s_t))                                    (reward)
    delta_t = r_t + gamma V(s_t+1) - V(s_t),   A_t = sum_l (gamma lambda)^l delta_t+l,   R_t = A_t + V(s_t)        (GAE)
    L_pg = mean_b mean_t max(-A_t rho_t, -A_t clip(rho_t, 1-eps, 1+eps)),   rho_t = pi(a_t|s_t) / pi_old(a_t|s_t)
    L_v = 1/2 mean_b mean_t max((V - R)^2, (V_old + clip(V - V_old, -eps_v, eps_v) - R)^2)
    L = L_pg + c_v L_v                                                  (A whitened in L_pg, R made from A before that)

The mean over tokens is taken in each sequence, then over sequences, so a long completion weighs as much as a short one.
EOS is an action; the score is the reward of the action that ends the completion.

Every matrix is (sequences, actions): column t belongs to the t-th token that the policy generated, whatever the length
of the prompt. `response_mask` is 1 where a sequence has a t-th action and 0 after its end.

Where the released code differs: it finds actions by comparing tokens with the fixed ids 1 (padding) and 2 (EOS), so an
EOS inside a prompt masks the whole completion, and it computes on prompts and padding too. Here the mask comes from
lengths, and everything outside it is 0. The paper prints gamma and lambda with swapped names; these are the code's. Off
by default and not in the paper: a value beyond a truncated end, the entropy bonus, and the adaptive beta.
"""

from __future__ import annotations

import torch
from torch import Tensor

KL_STEP, KL_ERROR = 0.1, 0.2
"""Gain and largest relative error of the adaptive coefficient (Ziegler et al. 2019, equation after (2))."""


def sequence_means(values: Tensor, response_mask: Tensor) -> Tensor:
    """Mean over each sequence's actions; 0 if it has none. (sequences, actions) -> (sequences,)."""
    return (values * response_mask).sum(1) / response_mask.sum(1).clamp(min=1)


def token_rewards(
    scores: Tensor, old_logprobs: Tensor, reference_logprobs: Tensor, response_mask: Tensor, kl_coefficient: float
) -> Tensor:
    """r_t: the k1 estimate of the divergence at every action, and the score (sequences,) at the last one."""
    rewards = -kl_coefficient * (old_logprobs - reference_logprobs) * response_mask
    following = torch.nn.functional.pad(response_mask[:, 1:], (0, 1))
    return rewards + scores[:, None] * (response_mask - following)


def advantages_and_returns(
    rewards: Tensor,
    values: Tensor,
    response_mask: Tensor,
    *,
    gamma: float,
    gae_lambda: float,
    truncated: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """A_t and R_t. The state after the last action is worth 0.

    With `truncated` (sequences,), the sequences marked 1 did not end; the state after them is worth as much as their
    last one.
    """
    values = values * response_mask
    beyond = torch.zeros_like(values[:, 0]) if truncated is None else truncated * _last(values, response_mask)
    advantages = torch.zeros_like(values)
    following, advantage = beyond, torch.zeros_like(beyond)
    for t in range(values.shape[1] - 1, -1, -1):
        exists = response_mask[:, t]
        delta = rewards[:, t] + gamma * following - values[:, t]
        advantage = (delta + gamma * gae_lambda * advantage) * exists
        following = torch.where(exists > 0, values[:, t], following)
        advantages[:, t] = advantage
    return advantages, advantages + values


def whiten(advantages: Tensor, response_mask: Tensor, among: tuple[Tensor, Tensor] | None = None) -> Tensor:
    """Advantages with mean 0 and variance 1 (Bessel-corrected) over all actions of `among` (advantages, mask).

    `among` holds the rows of all processes; without it, the matrix itself is taken.
    """
    mean, variance = moments(*(among if among is not None else (advantages, response_mask)))
    return (advantages - mean) * torch.rsqrt(variance + 1e-8) * response_mask


def moments(values: Tensor, response_mask: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and Bessel-corrected variance over the actions."""
    count = response_mask.sum()
    mean = (values * response_mask).sum() / count.clamp(min=1)
    return mean, ((values - mean).square() * response_mask).sum() / (count - 1).clamp(min=1)


def policy_loss(
    logprobs: Tensor, old_logprobs: Tensor, advantages: Tensor, response_mask: Tensor, clip_ratio: float
) -> Tensor:
    """L_pg of each sequence, (sequences,); its mean over the batch is the loss."""
    ratio = ((logprobs - old_logprobs) * response_mask).exp()
    clipped = ratio.clamp(1 - clip_ratio, 1 + clip_ratio)
    return sequence_means(torch.maximum(-advantages * ratio, -advantages * clipped), response_mask)


def value_loss(values: Tensor, old_values: Tensor, returns: Tensor, response_mask: Tensor, clip_value: float) -> Tensor:
    """L_v of each sequence, (sequences,)."""
    clipped = old_values + (values - old_values).clamp(-clip_value, clip_value)
    larger = torch.maximum((values - returns).square(), (clipped - returns).square())
    return 0.5 * sequence_means(larger, response_mask)


def explained_variance(values: Tensor, returns: Tensor, response_mask: Tensor) -> float:
    """1 - Var(R - V) / Var(R) over the actions, at least -1; 0 where the returns do not vary."""
    spread = moments(returns, response_mask)[1]
    if spread == 0:
        return 0.0
    return max(-1.0, float(1 - moments(returns - values, response_mask)[1] / spread))


def adapted(kl_coefficient: float, kl: float, target_kl: float) -> float:
    """The next beta: larger if a sequence's divergence `kl` (nats) is above its target, smaller if below."""
    error = min(max(kl / target_kl - 1, -KL_ERROR), KL_ERROR)
    return kl_coefficient * (1 + KL_STEP * error)


def _last(values: Tensor, response_mask: Tensor) -> Tensor:
    """Each sequence's value at its last action, (sequences,); 0 if it has none."""
    last = (response_mask.sum(1, keepdim=True) - 1).clamp(min=0).long()
    return (values * response_mask).gather(1, last)[:, 0]
