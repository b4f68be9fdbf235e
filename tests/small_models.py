"""Fixtures: a tokenizer and folders of models with random weights; and an example as tokens."""

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from stepwise.models.loading import save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.training.encoding import encode_examples


@pytest.fixture(scope="session")
def tokenizer():
    return build_tokenizer(["sort the words"], vocabulary=262)


@pytest.fixture(scope="session")
def llama(tokenizer, tmp_path_factory):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        tie_word_embeddings=True, max_position_embeddings=64, eos_token_id=1, pad_token_id=0, bos_token_id=None,
        initializer_range=0.2,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "llama"
    save_model(LlamaForCausalLM(config), tokenizer, folder)
    return folder


@pytest.fixture(scope="session")
def t5(tokenizer, tmp_path_factory):
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0,
        dropout_rate=0.1, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "t5"
    save_model(T5ForConditionalGeneration(config), tokenizer, folder)
    return folder


def encode_example(tokenizer, example, *, seq2seq=False):
    """The only example, as training encodes it."""
    (encoded,), _ = encode_examples(tokenizer, [example], max_length=1000, seq2seq=seq2seq)
    return encoded
