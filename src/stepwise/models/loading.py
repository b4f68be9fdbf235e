"""Loading and saving models: safetensors only, no code from a model's folder, and clear errors."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from stepwise.errors import StepwiseError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

Dtype = Literal["float32", "bfloat16"]
SINGLE_THREADED = 10_000_000
"""Smaller models compute with one thread: more gain little on idle cores and cost a factor of three on busy ones."""
BYTES = {"float32": 4, "bfloat16": 2}
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[\w.-]+)?")


class ModelError(StepwiseError, ValueError):
    """A model that cannot be used; the message names it and the remedy."""


def load_model(
    source: str | Path, dtype: Dtype = "float32", revision: str | None = None
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A model in eval mode and its tokenizer, from a local folder or a hub id; its config says which kind it is.

    A tokenizer without a padding token pads with EOS. Masks are computed from lengths and never by comparing with the
    padding token, so a real EOS is still learned and attended to.

    Raises:
        ModelError: there is no model, its weights are not safetensors, or they do not fit into free memory.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    name = str(source)
    if Path(source).is_dir():
        check_folder(Path(source), dtype)
    elif not HUB_ID.fullmatch(name):
        raise ModelError(f"{name} is not a folder; the stage `base_model` writes base models and `warm_up` trains them")
    try:
        config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
        kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        tokenizer = AutoTokenizer.from_pretrained(name, revision=revision, trust_remote_code=False)
        model = kind.from_pretrained(
            name, revision=revision, dtype=getattr(torch, dtype), use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        first = str(error).strip().splitlines()[0]
        raise ModelError(f"{name} does not load, as a folder or as a hub id with safetensors: {first}") from error
    set_padding(model, tokenizer)
    use_one_thread_if_small(model)
    return model.eval(), tokenizer


def load_tokenizer(folder: str | Path) -> PreTrainedTokenizerBase:
    """Only the tokenizer of a model's folder, for models that a server runs. Raises ModelError if there is none."""
    from transformers import AutoTokenizer

    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} has no tokenizer; the stage that writes the model puts it there") from error
    return tokenizer


def use_one_thread_if_small(model: PreTrainedModel) -> None:
    """Compute with one thread if the model has fewer than SINGLE_THREADED parameters and OMP_NUM_THREADS is not set."""
    import torch

    if model.num_parameters() < SINGLE_THREADED and "OMP_NUM_THREADS" not in os.environ:
        torch.set_num_threads(1)


def set_padding(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Give tokenizer and model the same padding token (EOS if the tokenizer has none), and pad on the right."""
    if tokenizer.eos_token_id is None:
        raise ModelError(f"{tokenizer.name_or_path or 'the tokenizer'} has no EOS token, so no text could ever end")
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    tokenizer.padding_side = "right"
    model.config.pad_token_id = tokenizer.pad_token_id
    if getattr(model, "generation_config", None) is not None:
        model.generation_config.pad_token_id = tokenizer.pad_token_id


def save_model(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: str | Path) -> None:
    """Save weights (safetensors, in the model's type), config and tokenizer; the folder appears whole or not at all."""
    with new_folder(folder) as temporary:
        model.save_pretrained(temporary)
        tokenizer.save_pretrained(temporary)


@contextmanager
def new_folder(folder: str | Path) -> Iterator[Path]:
    """A temporary folder that is renamed to `folder`, replacing it, if the block succeeds."""
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    temporary.mkdir()
    try:
        yield temporary
        if folder.exists():
            old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
            folder.replace(old)
            temporary.replace(folder)
            shutil.rmtree(old)
        else:
            temporary.replace(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def count_parameters(folder: str | Path) -> int:
    """Number of weights in a folder's safetensors files, read from their headers."""
    return sum(_elements(path) for path in sorted(Path(folder).glob("*.safetensors")))


def check_folder(folder: Path, dtype: Dtype) -> None:
    """Raise ModelError unless the folder holds a model in safetensors that fits into free memory."""
    import psutil

    if not (folder / "config.json").is_file():
        raise ModelError(f"{folder} has no config.json, so it is not a model; the stage `base_model` writes one")
    if not list(folder.glob("*.safetensors")):
        raise ModelError(f"{folder} has no .safetensors file; convert its weights, other formats are never loaded")
    needed, free = count_parameters(folder) * BYTES[dtype], psutil.virtual_memory().available
    if needed > free:
        raise ModelError(
            f"{folder} needs {needed / 2**30:.1f} GiB as {dtype} and {free / 2**30:.1f} GiB are free; "
            "use a smaller model, bfloat16 or a larger machine"
        )


def _elements(path: Path) -> int:
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        try:
            header = json.loads(file.read(size)) if 0 < size <= 100 * 2**20 else None
        except ValueError:
            header = None
    if not isinstance(header, dict):
        raise ModelError(f"{path} is damaged: its safetensors header does not parse; copy or create it again")
    return sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
