"""Models with random weights: their shape and their first weights.

A small encoder-decoder that is initialised like T5 learns to copy very late, because it lacks attention to neighbours:
positions enter T5 only through one table of biases, which starts near zero. So `first_t5` starts differently
(`_aim_heads`, `_match_like_with_like`), and the table takes larger steps (`training.optimizers.relative_rates`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepwise.params import ArchitectureParams

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase, T5ForConditionalGeneration

HEAD = 32
"""Size of an attention head: the smallest that the CPU kernels of inference servers support."""
ENCODER_OFFSETS = (-1, 1, -2)
DECODER_OFFSETS = (-1, -2)
"""Where the first heads look at the start, as offsets in tokens; the other heads look everywhere."""
AIM = 6.0
"""Bias at such a head's offset: two thirds of its attention at 200 tokens, so that training can still move it."""
UNSCALED: dict[str, Any] = {"tie_word_embeddings": False}
"""T5's setting for logits that are not divided by the root of the width; its embeddings are tied nevertheless."""
SMALL, MATCHING = 0.02, 0.045
"""Standard deviations of first weights. With the second, a token scores itself 10 in cross-attention."""


def first_model(shape: ArchitectureParams, tokenizer: PreTrainedTokenizerBase, seed: int) -> PreTrainedModel:
    """A model with random weights; a pure function of shape, tokenizer and seed."""
    import torch

    torch.manual_seed(seed)
    tokens: dict[str, Any] = {
        "vocab_size": shape.vocabulary,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return first_llama(shape, tokens) if shape.family == "llama" else first_t5(shape, tokens)


def first_llama(shape: ArchitectureParams, tokens: dict[str, Any]) -> LlamaForCausalLM:
    """A causal model, initialised by transformers."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            hidden_size=shape.hidden,
            intermediate_size=shape.intermediate,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            head_dim=HEAD,
            max_position_embeddings=shape.max_length,
            tie_word_embeddings=True,
            bos_token_id=None,
            **tokens | {"decoder_start_token_id": None},
        )
    )


def first_t5(shape: ArchitectureParams, tokens: dict[str, Any]) -> T5ForConditionalGeneration:
    """An encoder-decoder with the same number of layers on both sides, initialised so that it soon learns to copy."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    config = T5Config(
        d_model=shape.hidden,
        d_kv=HEAD,
        d_ff=shape.intermediate,
        num_layers=shape.layers,
        num_decoder_layers=shape.layers,
        num_heads=shape.heads,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,
        **tokens | {"decoder_start_token_id": tokens["pad_token_id"]} | UNSCALED,
    )
    model: Any = T5ForConditionalGeneration(config)
    # Weights are as small as a Llama's: an optimiser step then changes embeddings of size 0.02 as much as the matrices,
    # whereas T5's own embeddings, of size 1, would take hundreds of steps.
    # Layers add nothing to the tokens at first, so that cross-attention compares tokens, not noise.
    for name, weight in model.named_parameters():
        if name.endswith((".o.weight", ".wo.weight")):
            torch.nn.init.zeros_(weight)
        elif weight.ndim > 1:
            torch.nn.init.normal_(weight, std=SMALL)
    _aim_heads(model)
    _match_like_with_like(model)
    return model  # type: ignore[no-any-return]


def _aim_heads(model: Any) -> None:
    """Make the first heads of all layers look at fixed nearby offsets, in encoder and decoder.

    The layers of a side share one table of biases, (buckets, heads), which the first layer holds. Attention to
    neighbours is what induction is built on: copying means finding the same context earlier and taking what followed.
    """
    for stack, offsets in ((model.encoder, ENCODER_OFFSETS), (model.decoder, DECODER_OFFSETS)):
        attention = stack.block[0].layer[0].SelfAttention
        table = attention.relative_attention_bias.weight.data
        for head, offset in enumerate(offsets[: table.shape[1]]):
            table[_bucket(attention, offset), head] = AIM


def _bucket(attention: Any, offset: int) -> torch.Tensor:
    """Row of the bias table for keys that are `offset` tokens after the query."""
    import torch

    bucket: torch.Tensor = attention._relative_position_bucket(
        torch.tensor(offset),
        bidirectional=not attention.is_decoder,
        num_buckets=attention.relative_attention_num_buckets,
        max_distance=attention.relative_attention_max_distance,
    )
    return bucket


def _match_like_with_like(model: Any) -> None:
    """Make the first queries and keys of cross-attention equal, so that a token attends to itself in the source.

    Cross-attention has no positions, so there is nothing else to start from. The idea of initialising attention like a
    trained one is from arXiv 2305.09828, there for self-attention.
    """
    import torch

    for block in model.decoder.block:
        attention = block.layer[1].EncDecAttention
        torch.nn.init.normal_(attention.q.weight, std=MATCHING)
        attention.k.weight.data.copy_(attention.q.weight.data)
