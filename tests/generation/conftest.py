"""Tiny random models, built from a configuration, and a byte-level tokenizer: nothing is downloaded."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {"<pad>": 0, "<eos>": 1} | {char: number for number, char in enumerate(alphabet, 2)}
    raw = Tokenizer(models.BPE(vocabulary, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    raw.decoder = decoders.ByteLevel()
    return PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>", eos_token="<eos>")


@pytest.fixture(scope="session")
def llama(tokenizer):
    """Weights are drawn wide, so that the next token is clear; many end tokens, so that rows end at many steps."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=256,
        initializer_range=0.3,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    model = LlamaForCausalLM(config).eval()
    model.generation_config.eos_token_id = [1, *range(200, 212)]
    return model


@pytest.fixture(scope="session")
def opt(tokenizer):
    """The architecture of Galactica: learned positions with an offset, counted from the mask."""
    import torch
    from transformers import OPTConfig, OPTForCausalLM

    torch.manual_seed(0)
    config = OPTConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        word_embed_proj_dim=64,
        ffn_dim=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        init_std=0.5,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    model = OPTForCausalLM(config).eval()
    with torch.no_grad():
        model.lm_head.weight.copy_(torch.randn(model.lm_head.weight.shape))
    model.generation_config.eos_token_id = [1, *range(200, 230)]
    return model


@pytest.fixture(scope="session")
def gpt2(tokenizer):
    """Learned absolute positions, which padding in front must not move."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=64,
        n_layer=2,
        n_head=2,
        n_positions=256,
        initializer_range=0.5,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=None,
    )
    model = GPT2LMHeadModel(config).eval()
    model.generation_config.eos_token_id = [1, *range(200, 230)]
    return model


@pytest.fixture(scope="session")
def t5(tokenizer):
    """Position biases and queries are made large, else a random T5 repeats one token for ever."""
    import torch
    from transformers import T5Config, T5ForConditionalGeneration

    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=64,
        d_kv=32,
        d_ff=96,
        num_layers=2,
        num_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
        initializer_factor=4.0,
        tie_word_embeddings=False,
        dropout_rate=0.1,
    )
    model = T5ForConditionalGeneration(config).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            if "relative_attention_bias" in name or name.endswith(".q.weight"):
                weights.mul_(8)
        model.lm_head.weight.mul_(0.02)
    model.generation_config.eos_token_id = [1, *range(100, 130)]
    return model


@pytest.fixture(scope="session")
def prompts():
    stories = ["Ann has 3 apples.", "Bob", "How many pears are left when Carla eats 12 of her 30 pears?", "2+2=", "Z"]
    return [(story, " A:") for story in stories] + [(f"{n} " * n, "?") for n in range(1, 9)]
