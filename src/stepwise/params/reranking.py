"""Parameters of what stands on top of a trained model: samples, the reranker and votes (ReFT, section 4.3)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stepwise.params.base import Count, Positive, Section, Share
from stepwise.params.foundation import SftParams


class SamplingParams(Section):
    """Stored samples of a model, from which votes and the reranker are made."""

    k: Positive = 8
    """Completions a problem; the paper has 100."""
    temperature: float = Field(1.0, gt=0)
    top_p: Share = 1.0
    top_k: Count = 0
    """The released sampler has a silent 50."""
    limit: Count = 200
    """Test problems; 0 means all."""
    train_limit: Count = 200
    """Training problems, for the reranker; 0 means all."""
    block: Positive = 50
    """Problems answered and written down together; shards are made of whole blocks, so that their rows are the same."""


class RerankerParams(Section):
    """A classifier that tells right solutions from wrong ones, trained on samples of the warm-up model."""

    epochs: Positive = 3
    training: SftParams = SftParams(batch_examples=24, max_length=700)
    """Batch 24 in the released code, 48 in the paper; a longer text is cut on the right."""
    dev_share: float = Field(0.2, gt=0, lt=1)
    """Share of the sampled training questions held out to choose the best state; test is never read for it."""
    select: Literal["rerank_accuracy", "loss"] = "rerank_accuracy"
    """What the held-out questions choose by: accuracy of the best-scored samples, or the classification loss."""
    balance: bool = False
    """Give both classes the same weight in sum; the paper weighs all samples equally."""
