import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from stepwise.models.loading import save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import TaskParams
from stepwise.tasks import get_task


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


@pytest.fixture(scope="session")
def task():
    return get_task("word_problems", TaskParams(form="p_cot", train=6, dev=4, test=4), seed=1)


@pytest.fixture(scope="session")
def train(task):
    return task.load("train").problems


@pytest.fixture(scope="session")
def small_model(train, tmp_path_factory):
    """A folder with a model whose padding token is its end token."""
    torch.manual_seed(0)
    tokenizer = build_tokenizer([one.question for one in train], vocabulary=300)
    tokenizer.pad_token = tokenizer.eos_token
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=512, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "small"
    save_model(LlamaForCausalLM(config), tokenizer, folder)
    return folder
