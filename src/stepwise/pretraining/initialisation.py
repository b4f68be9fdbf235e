"""Models of random weights: a shape, where its training starts, and how fast its parts go.

A small encoder-decoder that starts as T5 does learns to copy very late, for want of attention to neighbours: positions
enter T5 through one table of biases alone, which starts near zero. So `first_t5` starts elsewhere (`_aim_heads`,
`_match_like_with_like`), and the table takes larger steps (`relative_rates`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stepwise.params import ArchitectureParams

if TYPE_CHECKING:
    import torch
    from transformers import LlamaForCausalLM, PreTrainedModel, PreTrainedTokenizerBase, T5ForConditionalGeneration

HEAD = 32
"""Size of an attention head: the smallest that CPU kernels of servers take."""
ENCODER_OFFSETS = (-1, 1, -2)
DECODER_OFFSETS = (-1, -2)
"""Where the first heads look at the start, in tokens from where they are; the other heads look everywhere."""
AIM = 6.0
"""Bias of such a head's offset: at 200 tokens two thirds of its attention, so that training can still move it."""
UNSCALED: dict[str, Any] = {"tie_word_embeddings": False}
"""T5's setting for logits that are not divided by the root of the width; its embeddings stay tied all the same."""
SMALL, MATCHING = 0.02, 0.045
"""Standard deviations of first weights. The second gives a token that meets itself in cross-attention a score of 10."""


def first_model(shape: ArchitectureParams, tokenizer: PreTrainedTokenizerBase, seed: int) -> PreTrainedModel:
    """A model of random weights, a function of shape, tokenizer and seed."""
    import torch

    torch.manual_seed(seed)
    tokens: dict[str, Any] = {
        "vocab_size": shape.vocabulary,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }
    return first_llama(shape, tokens) if shape.family == "llama" else first_t5(shape, tokens)


def first_llama(shape: ArchitectureParams, tokens: dict[str, Any]) -> LlamaForCausalLM:
    """A causal model as transformers starts it."""
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
    """An encoder-decoder with as many layers on either side, started so that it soon copies."""
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
    # Weights as small as a Llama's: an optimiser step then moves embeddings of 0.02 as far as it moves the matrices,
    # where T5's own embeddings, of 1, would take hundreds of steps.
    # What layers add to the tokens starts at nothing, so that cross-attention compares tokens, not noise.
    for name, weight in model.named_parameters():
        if name.endswith((".o.weight", ".wo.weight")):
            torch.nn.init.zeros_(weight)
        elif weight.ndim > 1:
            torch.nn.init.normal_(weight, std=SMALL)
    _aim_heads(model)
    _match_like_with_like(model)
    return model  # type: ignore[no-any-return]


def _aim_heads(model: Any) -> None:
    """Let the first heads of all layers look at fixed near offsets, in encoder and decoder.

    The layers of a side share one table of biases, (buckets, heads), held by the first. Attention to neighbours is
    what induction is built of: to copy is to find what stood before, and to take what came after.
    """
    for stack, offsets in ((model.encoder, ENCODER_OFFSETS), (model.decoder, DECODER_OFFSETS)):
        attention = stack.block[0].layer[0].SelfAttention
        table = attention.relative_attention_bias.weight.data
        for head, offset in enumerate(offsets[: table.shape[1]]):
            table[_bucket(attention, offset), head] = AIM


def _bucket(attention: Any, offset: int) -> torch.Tensor:
    """Row of the bias table for keys `offset` tokens after the query."""
    import torch

    bucket: torch.Tensor = attention._relative_position_bucket(
        torch.tensor(offset),
        bidirectional=not attention.is_decoder,
        num_buckets=attention.relative_attention_num_buckets,
        max_distance=attention.relative_attention_max_distance,
    )
    return bucket


def _match_like_with_like(model: Any) -> None:
    """Start the queries and keys of cross-attention equal, so that a token finds its like in the source.

    Cross-attention has no positions, hence nothing else to begin with. The idea of a start that mimics trained
    attention is that of arXiv 2305.09828, there for self-attention.
    """
    import torch

    for block in model.decoder.block:
        attention = block.layer[1].EncDecAttention
        torch.nn.init.normal_(attention.q.weight, std=MATCHING)
        attention.k.weight.data.copy_(attention.q.weight.data)
