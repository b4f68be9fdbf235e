"""Parameters of ReFT's baselines. A switch that is off follows the paper's text, one that is on the released code."""

from __future__ import annotations

from pydantic import Field

from stepwise.params.base import Count, Positive, Section
from stepwise.params.foundation import SftParams


class SelfTrainingParams(Section):
    """Fine-tuning, offline and online self-training from the warm-up model, at the budget of `reft`.

    All three take reft.steps x inner_epochs x mini_batches optimiser steps; the two that sample draw
    reft.steps x prompts x samples completions, with the temperature and filters of `reft`.
    """

    fine_tuning: SftParams = SftParams()
    """Of `sft` and `offline` (spec 1.1, 1.4); `online` takes all of it but batch size, rate and schedule."""
    online_learning_rate: float = Field(3e-4, gt=0)
    """Constant (spec 1.5)."""
    keep: Positive = 10
    """Different correct samples a question that `offline` learns from, drawn at random (spec 1.4)."""

    first_samples: bool = False
    """Released code: the first correct samples are kept, not random ones (spec 1.4, defect 32)."""
    doubled_gold: bool = False
    """Released code: every gold solution is listed twice in `offline` (spec 1.4, defect 32)."""
    from_base: bool = False
    """Released code: `offline` starts from the base model, not from the warm-up model (spec 1.4, defect 32)."""
    dropout: bool = False
    """Released code: dropout is on in `online` but off in ReFT (spec 1.5, defect 32)."""
    cut_gold: Count = 0
    """Released code: gold sequences of `online` end after 300 tokens, whatever is lost (spec 1.5); 0 cuts nothing."""
