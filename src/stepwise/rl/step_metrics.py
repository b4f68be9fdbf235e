"""What is noted of a reinforcement step beside its losses."""

from __future__ import annotations

from torch import Tensor

from stepwise.rl import ppo


def step_figures(seen: dict[str, Tensor]) -> dict[str, float]:
    """A step's figures by name.

    Args:
        seen: of all processes, (sequences, actions): mask, logprobs, kl, values, rewards, advantages (not whitened) and
            returns; (sequences,): scores, truncated, prompt (its tokens) and there (0 in rows that only pad).

    Returns:
        `accuracy` is the share of right completions, apart from the mean `score` with its partial credits. `kl` is a
        sequence's divergence from the reference in nats, `reward` its score less the price of that.
    """
    mask, there = seen["mask"], seen["there"]
    lengths = mask.sum(1)
    returns, values = ppo.moments(seen["returns"], mask), ppo.moments(seen["values"], mask)
    advantages = ppo.moments(seen["advantages"], mask)
    per_sequence = {
        "accuracy": (seen["scores"] >= 1.0).float(),
        "score": seen["scores"],
        "reward": seen["rewards"].sum(1),
        "kl": seen["kl"].sum(1),
        "prompt_tokens": seen["prompt"],
        "response_tokens": lengths,
        "truncated": seen["truncated"],
        "empty": (lengths == 0).float(),
    }
    figures = {name: float((value * there).sum() / there.sum()) for name, value in per_sequence.items()}
    for name in ("prompt_tokens", "response_tokens"):
        spread = ((per_sequence[name] - figures[name]).square() * there).sum() / there.sum()
        figures[f"{name}_std"] = float(spread.sqrt())
    return figures | {
        "logprob": float(ppo.moments(seen["logprobs"], mask)[0]),
        "value": float(values[0]),
        "return": float(returns[0]),
        "advantage": float(advantages[0]),
        "advantage_variance": float(advantages[1]),
        "explained_variance": ppo.explained_variance(seen["values"], seen["returns"], mask),
    }
