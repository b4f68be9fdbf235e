from __future__ import annotations

from pathlib import Path

import pytest

from tests.methods.tripost.sums import PROMPT, SumTask


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random model that reads sums; their words are single tokens."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from stepwise.models.loading import save_model
    from stepwise.models.tokenizer import build_tokenizer

    torch.manual_seed(0)
    solutions = [problem.reference.text for problem in SumTask().load("train").problems if problem.reference]
    tokenizer = build_tokenizer([*PROMPT, *solutions, "\nFeedback: Updated Answer: Step correct."], vocabulary=300)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=512, tie_word_embeddings=True, eos_token_id=1, pad_token_id=0,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "small"
    save_model(LlamaForCausalLM(config), tokenizer, folder)
    return folder
