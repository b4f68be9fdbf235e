"""Text and log-probabilities from a model: `make_backend` returns the backend that the parameters name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepwise.generation.base import Backend
    from stepwise.params import BackendParams


def make_backend(params: BackendParams, *, load: Callable[[], tuple[Any, Any]]) -> Backend:
    """The backend that the parameters name.

    Args:
        params: kind, batch size and servers.
        load: returns (model, tokenizer); called for the transformers backend only.
    """
    if params.kind == "openai":
        from stepwise.generation.openai_backend import OpenAIBackend

        return OpenAIBackend(params.addresses, concurrency=params.concurrency, timeout=params.timeout)
    from stepwise.generation.transformers_backend import TransformersBackend

    model, tokenizer = load()
    return TransformersBackend(model, tokenizer, batch_tokens=params.batch_tokens)
