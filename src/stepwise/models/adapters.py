"""LoRA adapters on a model, and the way back to a plain one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepwise.params import LoraParams

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def with_lora(model: PreTrainedModel, lora: LoraParams, seed: int) -> Any:
    """The model with fresh adapters, which alone learn; the model itself if `lora` has no rank."""
    if not lora.rank:
        return model
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    config = LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=list(lora.targets)
    )
    return get_peft_model(model, config)


def without_adapters(model: Any) -> Any:
    """The transformers model that adapters were put on; a model without adapters itself."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def merged(model: Any) -> Any:
    """A plain transformers model, with any adapters merged into its weights."""
    return model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
