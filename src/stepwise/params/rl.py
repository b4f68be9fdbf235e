"""Parameters of reinforcement learning, for any method.

Defaults are those of ReFT (arXiv 2401.08967, section 4.2 and its scripts).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stepwise.params.base import Count, Positive, Section, Share
from stepwise.params.foundation import LoraParams


class RlParams(Section):
    """Reinforcement of a policy by the reward of its completions."""

    algorithm: Literal["ppo", "grpo", "rloo"] = "ppo"
    steps: Positive = 100
    """Reinforcement steps; each samples, checks and learns from one batch."""
    prompts: Positive = 32
    """Questions a step, over all devices."""
    samples: Positive = 1
    """Completions a question; GRPO and RLOO compare them and need at least 2."""
    inner_epochs: Positive = 2
    """Passes over a step's completions (the paper's ppo_epochs)."""
    mini_batches: Positive = 1
    """Optimiser steps a pass."""
    learning_rate: float = Field(3e-4, gt=0)
    """Constant, without warm-up."""
    clip: float = Field(1.0, gt=0)
    """Largest gradient norm."""
    clip_ratio: float = Field(0.2, gt=0)
    clip_value: float = Field(0.2, gt=0)
    value_coefficient: float = Field(5.0, ge=0)
    kl_coefficient: float = Field(0.01, ge=0)
    """The paper's beta: 0.01 for programs, 0.05 for sentences."""
    gamma: Share = 1.0
    gae_lambda: Share = 0.95
    """The paper prints this and gamma with swapped names."""
    whitening: Literal["global", "local", "none"] = "global"
    """Advantages to mean 0 and variance 1 over all devices, over each, or as they are."""
    temperature: float = Field(1.0, gt=0)
    top_p: Share = 1.0
    top_k: Count = 0
    batch_tokens: Positive = 768
    """Most tokens (padding included) in one forward pass. Where a whole step fits into one, the first update needs no
    pass of its own, at the memory of all its activations."""
    precision: Literal["fp32", "bf16"] = "fp32"
    lora: LoraParams = LoraParams()
    evaluations: Positive = 4
    """How often dev is read on the way; the best of them is kept."""
    dev_examples: Positive = 100
    """Dev problems answered at each of them."""
    saves: Positive = 8
    """Checkpoints on the way, from which a killed run goes on."""

    # Beyond the paper, all off by default.
    separate_value_model: bool = False
    """A second copy of the warm-up model under the value head instead of the shared one (the paper's ablation)."""
    value_warm_up: Count = 0
    """First steps in which only the value head learns."""
    bootstrap_truncated: bool = False
    """A completion cut off at its longest goes on with its last value instead of ending with 0."""
    missing_eos_penalty: float = Field(0.0, ge=0)
    """Taken from the score of a completion that does not end."""
    target_kl: float = Field(0.0, ge=0)
    """Divergence a sequence, in nats, to which an adaptive coefficient steers; 0 keeps it fixed."""
    entropy_coefficient: float = Field(0.0, ge=0)
