from __future__ import annotations

from pathlib import Path

import pytest

from tests.methods.refiner.digits import DigitTask


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a random decoder that reads digits."""
    return make_model("llama", tmp_path_factory)


@pytest.fixture(scope="session", params=["llama", "t5"])
def any_model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, and an encoder-decoder."""
    return make_model(request.param, tmp_path_factory)


def make_model(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

    from stepwise.models.loading import save_model
    from stepwise.models.tokenizer import build_tokenizer

    torch.manual_seed(0)
    task = DigitTask()
    texts = ["".join(task.prompt(problem)) for problem in task.load("train").problems]
    tokenizer = build_tokenizer([*texts, "Feedback: Digit #0 is wrong. There are two digits. No hint."], vocabulary=280)
    tokens = {"vocab_size": len(tokenizer), "eos_token_id": 1, "pad_token_id": 0}
    if family == "llama":
        config = LlamaConfig(
            hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
            max_position_embeddings=256, tie_word_embeddings=True, initializer_range=0.2, **tokens,
        )  # fmt: skip
        model = LlamaForCausalLM(config)
    else:
        model = T5ForConditionalGeneration(
            T5Config(d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0, **tokens)
        )
    folder = tmp_path_factory.mktemp("models") / family
    save_model(model, tokenizer, folder)
    return folder
