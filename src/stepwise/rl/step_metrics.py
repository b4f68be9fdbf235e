"""The metrics of a PPO step besides its losses."""

from __future__ import annotations

from torch import Tensor

from stepwise.rl import ppo


def step_metrics(tensors: dict[str, Tensor]) -> dict[str, float]:
    """A step's metrics by name.

    Args:
        tensors: of all processes. (sequences, actions): mask, logprobs, kl, values, rewards, advantages (not whitened)
            and returns. (sequences,): scores, truncated, prompt_tokens and real (0 in rows that are padding).

    Returns:
        `accuracy` is the share of right completions, whereas the mean `score` includes partial credit. `kl` is a
        sequence's divergence from the reference in nats; `reward` is its score minus the penalty for that divergence.
    """
    mask, real = tensors["mask"], tensors["real"]
    lengths = mask.sum(1)
    returns, values = ppo.moments(tensors["returns"], mask), ppo.moments(tensors["values"], mask)
    advantages = ppo.moments(tensors["advantages"], mask)
    per_sequence = {
        "accuracy": (tensors["scores"] >= 1.0).float(),
        "score": tensors["scores"],
        "reward": tensors["rewards"].sum(1),
        "kl": tensors["kl"].sum(1),
        "prompt_tokens": tensors["prompt_tokens"],
        "response_tokens": lengths,
        "truncated": tensors["truncated"],
        "empty": (lengths == 0).float(),
    }
    metrics = {name: float((value * real).sum() / real.sum()) for name, value in per_sequence.items()}
    for name in ("prompt_tokens", "response_tokens"):
        spread = ((per_sequence[name] - metrics[name]).square() * real).sum() / real.sum()
        metrics[f"{name}_std"] = float(spread.sqrt())
    return metrics | {
        "logprob": float(ppo.moments(tensors["logprobs"], mask)[0]),
        "value": float(values[0]),
        "return": float(returns[0]),
        "advantage": float(advantages[0]),
        "advantage_variance": float(advantages[1]),
        "explained_variance": ppo.explained_variance(tensors["values"], tensors["returns"], mask),
    }
