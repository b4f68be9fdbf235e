import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from stepwise.models.loading import save_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import TaskParams
from stepwise.tasks.registry import get_task
from tests.small_models import t5, tokenizer

__all__ = ["t5", "tokenizer"]


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
    tokenizer = build_tokenizer([problem.question for problem in train], vocabulary=300)
    tokenizer.pad_token = tokenizer.eos_token
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=512, tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "small"
    save_model(LlamaForCausalLM(config), tokenizer, folder)
    return folder
