"""Parameters of ReFT (arXiv 2401.08967) and of what it is compared with: self-training, votes and a reranker.

The defaults are the paper's where it gives them (section 4.2 and its scripts).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stepwise.params.base import Count, Positive, Section, Share
from stepwise.params.foundation import SftParams
from stepwise.params.rl import RlParams


class ReftParams(RlParams):
    """Reinforcement learning on checked answers, from the warm-up model."""

    partial_reward: float = Field(0.1, ge=0, le=1)
    """Reward of a wrong answer that is a number; a right one gets 1."""


class ReftAblation(Section):
    """What a variant of ReFT changes; parameters that it does not name stay as they are."""

    algorithm: Literal["ppo", "grpo", "rloo"] | None = None
    prompts: Positive | None = None
    samples: Positive | None = None
    value_warm_up: Count | None = None
    kl_coefficient: float | None = Field(None, ge=0)
    partial_reward: float | None = Field(None, ge=0, le=1)
    separate_value_model: bool | None = None

    def applied_to(self, params: ReftParams) -> ReftParams:
        """The parameters of the variant."""
        return params.model_copy(update=self.model_dump(exclude_none=True))


class SelfTrainingParams(Section):
    """Fine-tuning, offline and online self-training from the warm-up model, at the budget of `reft`.

    All three take reft.steps x inner_epochs x mini_batches optimiser steps; the two self-training ones draw
    reft.steps x prompts x samples completions, with the temperature and filters of `reft`.
    """

    fine_tuning: SftParams = SftParams()
    """For `sft` and `offline` (spec 1.1, 1.4); `online` uses all of it except batch size, rate and schedule."""
    online_learning_rate: float = Field(3e-4, gt=0)
    """Constant (spec 1.5)."""
    keep: Positive = 10
    """Different correct samples a problem that `offline` learns from, drawn at random (spec 1.4)."""

    first_samples: bool = False
    """Released code: the first correct samples are kept instead of random ones (spec 1.4, defect 32)."""
    doubled_gold: bool = False
    """Released code: every gold solution is listed twice in `offline` (spec 1.4, defect 32)."""
    from_base: bool = False
    """Released code: `offline` starts from the base model instead of the warm-up model (spec 1.4, defect 32)."""
    dropout: bool = False
    """Released code: dropout is on in `online` but off in ReFT (spec 1.5, defect 32)."""
    cut_gold: Count = 0
    """Released code: gold sequences of `online` are truncated to 300 tokens (spec 1.5); 0 truncates nothing."""


class SamplingParams(Section):
    """Stored samples of a model, which votes are counted over and the reranker is trained on."""

    k: Positive = 8
    """Completions a problem; 100 in the paper."""
    temperature: float = Field(1.0, gt=0)
    top_p: Share = 1.0
    top_k: Count = 0
    """The released sampler has a silent 50."""
    limit: Count = 200
    """Test problems; 0 means all."""
    train_limit: Count = 200
    """Training problems, for the reranker; 0 means all."""
    block: Positive = 50
    """Problems answered and saved together; shards consist of whole blocks, so that their rows are the same."""


class RerankerParams(Section):
    """A classifier that tells right solutions from wrong ones, trained on samples of the warm-up model."""

    epochs: Positive = 3
    training: SftParams = SftParams(batch_examples=24, max_length=700)
    """The batch size is 24 in the released code, 48 in the paper; a longer text is truncated on the right."""
    dev_share: float = Field(0.2, gt=0, lt=1)
    """Share of the sampled training problems held out to choose the best state; test is never used for that."""
    select: Literal["rerank_accuracy", "loss"] = "rerank_accuracy"
    """Criterion on the held-out problems: accuracy of the best-scored samples, or the classification loss."""
    balance: bool = False
    """Give both classes the same total weight; the paper weighs all samples equally."""


class ReftKeys(Section):
    """ReFT's keys of params.yaml."""

    reft_tasks: list[str] = Field(default_factory=list)
    """Tasks of the run that ReFT and its baselines are trained on."""
    reft: ReftParams = ReftParams()
    reft_ablations: dict[str, ReftAblation] = Field(default_factory=dict)
    """Variants of ReFT by name, for the studies."""
    self_training: SelfTrainingParams = SelfTrainingParams()
    sampling: SamplingParams = SamplingParams()
    reft_shards: list[str] = Field(default_factory=lambda: ["1-of-1"])
    """Shards in which samples are drawn, `1-of-2` and `2-of-2` for two; together they give the rows of a single one."""
    reranker: RerankerParams = RerankerParams()
