"""A decoder-only model as a classifier of whole texts: the same backbone with a new layer on top, safetensors only."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stepwise.models.loading import Dtype, ModelError, check_folder, set_padding, use_one_thread_if_small

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LABELS = 2


def load_classifier(
    folder: str | Path, dtype: Dtype = "float32", *, seed: int = 0
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A classifier in eval mode and its tokenizer, from the folder of a classifier or of a decoder-only model.

    A decoder-only model loses its output layer and gets a new layer `score`, initialised with `seed`.

    Raises:
        ModelError: there is no model, it is an encoder-decoder, or its family has no such layer.
    """
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer
    from transformers.utils import logging as messages

    path = Path(folder)
    check_folder(path, dtype)
    messages.disable_progress_bar()  # type: ignore[no-untyped-call]
    verbosity = messages.get_verbosity()
    messages.set_verbosity(logging.ERROR)  # it warns that `score` is new
    torch.manual_seed(seed)
    try:
        config = AutoConfig.from_pretrained(path, trust_remote_code=False, num_labels=LABELS)
        if config.is_encoder_decoder:
            raise ModelError(f"{path} is an encoder-decoder; a classifier needs a decoder-only model")
        tokenizer = AutoTokenizer.from_pretrained(path, trust_remote_code=False)
        model: Any = AutoModelForSequenceClassification.from_pretrained(
            path, config=config, dtype=getattr(torch, dtype), use_safetensors=True, trust_remote_code=False
        )
    except (OSError, ValueError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path} does not load as a classifier: {str(error).strip().splitlines()[0]}") from error
    finally:
        messages.set_verbosity(verbosity)
    if not hasattr(model, "score"):
        raise ModelError(
            f"{path}: a classifier of the family {config.model_type} has no layer `score` at its last token"
        )
    set_padding(model, tokenizer)
    use_one_thread_if_small(model)
    return model.eval(), tokenizer
