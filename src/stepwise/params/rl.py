"""Parameters of reinforcement learning, for any method.

The defaults are those of ReFT (arXiv 2401.08967, section 4.2 and its scripts).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stepwise.params.base import Count, Positive, Section, Share
from stepwise.params.foundation import LoraParams


class RlParams(Section):
    """Reinforcement learning of a policy by the reward of its completions."""

    algorithm: Literal["ppo", "grpo", "rloo"] = "ppo"
    steps: Positive = 100
    """Reinforcement steps; each samples, scores and learns from one batch of completions."""
    prompts: Positive = 32
    """Prompts a step, over all devices."""
    samples: Positive = 1
    """Completions a prompt; GRPO and RLOO compare them and need at least 2."""
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
    """Advantages are scaled to mean 0 and variance 1 over all devices, over each device, or not at all."""
    temperature: float = Field(1.0, gt=0)
    top_p: Share = 1.0
    top_k: Count = 0
    batch_tokens: Positive = 768
    """Most tokens (padding included) in one forward pass. If a whole step fits into one, the first update needs no pass
    of its own, but the memory of all activations."""
    precision: Literal["fp32", "bf16"] = "fp32"
    lora: LoraParams = LoraParams()
    evaluations: Positive = 4
    """Number of evaluations on dev; the best of these states is kept."""
    dev_examples: Positive = 100
    """Dev problems answered in each evaluation."""
    saves: Positive = 8
    """Number of checkpoints, from which a killed run resumes."""

    # Beyond the paper, all off by default.
    separate_value_model: bool = False
    """The value head gets a second copy of the first model instead of sharing the policy's (the paper's ablation)."""
    value_warm_up: Count = 0
    """Number of first steps in which only the value head learns."""
    bootstrap_truncated: bool = False
    """The state after a truncated completion is worth its last value instead of 0."""
    missing_eos_penalty: float = Field(0.0, ge=0)
    """Subtracted from the score of a truncated completion."""
    target_kl: float = Field(0.0, ge=0)
    """Divergence a sequence, in nats, that an adaptive kl_coefficient aims at; 0 keeps the coefficient fixed."""
    entropy_coefficient: float = Field(0.0, ge=0)
