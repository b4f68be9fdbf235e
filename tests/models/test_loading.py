import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

from stepwise.models import loading
from stepwise.models.loading import ModelError, count_parameters, load_model, load_tokenizer, new_folder, save_model
from stepwise.models.sources import fetch_base_model
from stepwise.models.tokenizer import build_tokenizer
from stepwise.params import ModelParams


@pytest.fixture
def tokenizer():
    return build_tokenizer(["a b c"], vocabulary=260)


def tiny(tokenizer):
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            tie_word_embeddings=True,
        )
    )


def test_saved_model_loads_with_the_same_weights(tokenizer, tmp_path):
    model = tiny(tokenizer)
    save_model(model, tokenizer, tmp_path / "m")
    loaded, again = load_model(tmp_path / "m")
    assert not loaded.training
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True))
    assert load_tokenizer(tmp_path / "m").get_vocab() == again.get_vocab()
    assert loaded.config.pad_token_id == again.pad_token_id == tokenizer.pad_token_id
    assert count_parameters(tmp_path / "m") == sum(p.numel() for p in model.parameters())
    assert not list(tmp_path.glob(".*"))


def test_seq2seq_is_told_from_the_config(tokenizer, tmp_path):
    config = T5Config(
        vocab_size=len(tokenizer), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2, decoder_start_token_id=0
    )
    save_model(T5ForConditionalGeneration(config), tokenizer, tmp_path / "t5")
    assert isinstance(load_model(tmp_path / "t5", "bfloat16")[0], T5ForConditionalGeneration)


def test_missing_padding_falls_back_to_eos(tokenizer, tmp_path):
    tokenizer.pad_token = None
    save_model(tiny(tokenizer), tokenizer, tmp_path / "m")
    model, loaded = load_model(tmp_path / "m")
    assert loaded.pad_token_id == loaded.eos_token_id == model.config.pad_token_id


def test_each_bad_folder_is_one_clear_error(tokenizer, tmp_path, monkeypatch):
    with pytest.raises(ModelError, match=r"is not a folder"):
        load_model(tmp_path / "nothing")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"no config\.json"):
        load_model(tmp_path / "empty")
    with pytest.raises(ModelError, match="no tokenizer"):
        load_tokenizer(tmp_path / "empty")
    save_model(tiny(tokenizer), tokenizer, tmp_path / "m")
    weights = tmp_path / "m" / "model.safetensors"
    monkeypatch.setattr(loading, "BYTES", {"float32": 2**40})
    with pytest.raises(ModelError, match="GiB are free"):
        load_model(tmp_path / "m")
    monkeypatch.undo()
    weights.write_bytes(b"\xff" * 20)
    with pytest.raises(ModelError, match="damaged"):
        load_model(tmp_path / "m")
    weights.rename(weights.with_name("pytorch_model.bin"))
    with pytest.raises(ModelError, match="never loaded"):
        load_model(tmp_path / "m")


def test_a_failed_write_leaves_the_old_folder(tmp_path):
    def fill(text, fail):
        with new_folder(tmp_path / "f") as folder:
            (folder / "x").write_text(text)
            if fail:
                raise OSError("disk full")

    fill("old", fail=False)
    with pytest.raises(OSError, match="disk full"):
        fill("new", fail=True)
    assert [(p.name, p.read_text()) for p in tmp_path.rglob("*") if p.is_file()] == [("x", "old")]
    fill("new", fail=False)
    assert (tmp_path / "f" / "x").read_text() == "new"


def test_a_missing_package_is_named_with_what_brings_it(tmp_path):
    with pytest.raises(ModelError, match=r"package no_such_package .* `make install` installs it"):
        fetch_base_model(
            "smollm2", ModelParams(source="package:no_such_package"), checkpoints=tmp_path, out=tmp_path / "out"
        )
    assert not list(tmp_path.iterdir())
