"""LoRA adapters on a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepwise.params import LoraParams

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def with_lora(model: PreTrainedModel, lora: LoraParams, seed: int) -> Any:
    """The model with fresh adapters; only they learn."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(lora.targets)
    )
    return get_peft_model(model, config)
