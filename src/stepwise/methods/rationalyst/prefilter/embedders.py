"""Texts as unit vectors, by a sentence-transformers model or, without a model, by hashed words."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from stepwise.generation.engine.batching import plan
from stepwise.methods.rationalyst.corpus.ngrams import ngram_hashes, word_hashes
from stepwise.methods.rationalyst.corpus.packaged_models import model_folder
from stepwise.models.loading import ModelError
from stepwise.params.rationalyst import RationalystEmbeddingParams

HASHING = "hashing"
WIDTHS = 16
"""Batches are padded to multiples of this, because CPU kernels keep some memory for every shape they have seen."""


class Embedder(Protocol):
    """Turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of at least one text, float32, shape (texts, dimensions), in the order of the texts."""
        ...


class HashingEmbedder:
    """Counts of words and word pairs, hashed into a fixed number of dimensions. It compares words, not meanings.

    It stands in for a model in tests and continuous integration.
    """

    dimensions = 4096

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of log(1 + count)."""
        vectors = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(vectors, texts, strict=True):
            hashed = word_hashes(text)
            places = np.concatenate([ngram_hashes(hashed, 1), ngram_hashes(hashed, 2)]) % np.uint64(self.dimensions)
            row += np.log1p(np.bincount(places.astype(np.int64), minlength=self.dimensions))
        return normalised(vectors)


class SentenceEmbedder:
    """A sentence-transformers model on batches of texts of similar length, limited by their number of tokens.

    The library's own `encode` sorts by characters and batches 32 texts, however long they are. `bfloat16` applies to
    the matrix products only: weights, sums and pooling stay in float32, which halves the error of a cosine.
    """

    def __init__(self, source: str, dtype: str, batch_tokens: int) -> None:
        from sentence_transformers import SentenceTransformer

        folder = model_folder(source)
        try:
            self.model = SentenceTransformer(folder)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{source} is not a sentence-transformers model ({error}); set rationalyst_embedding.embedder"
            ) from error
        self.bfloat16 = dtype == "bfloat16"
        self.batch_tokens = batch_tokens

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors; a text that exceeds the model's context is truncated at its end."""
        import torch

        ids: list[list[int]] = self.model.tokenizer(
            list(texts), truncation=True, max_length=self.model.max_seq_length, return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]  # fmt: skip
        vectors: list[Any] = [None] * len(texts)
        for batch in plan([self._width(row) for row in ids], 1, 0, self.batch_tokens):
            places = [row.prompt for row in batch]
            with torch.inference_mode(), torch.autocast(self.model.device.type, torch.bfloat16, enabled=self.bfloat16):
                output = self.model(self._features([ids[place] for place in places]))["sentence_embedding"]
            for place, vector in zip(places, output.float().cpu().numpy(), strict=True):
                vectors[place] = vector
        return normalised(np.stack(vectors).astype(np.float32))

    def _features(self, rows: list[list[int]]) -> dict[str, Any]:
        """Padded ids and the attention mask."""
        import torch

        device = self.model.device
        lengths = torch.tensor([len(row) for row in rows], device=device)
        width = max(map(self._width, rows))
        padding = self.model.tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [padding] * (width - len(row)) for row in rows], device=device)
        mask = (torch.arange(width, device=device)[None, :] < lengths[:, None]).long()
        return {"input_ids": ids, "attention_mask": mask}

    def _width(self, row: list[int]) -> int:
        """Padded length, at most the model's context."""
        return max(len(row), min(-(-len(row) // WIDTHS) * WIDTHS, self.model.max_seq_length or len(row)))


@functools.cache
def get_embedder(source: str, dtype: str, batch_tokens: int) -> Embedder:
    """The embedder that the parameters name, loaded once per process. Raises ModelError."""
    return HashingEmbedder() if source == HASHING else SentenceEmbedder(source, dtype, batch_tokens)


def fingerprint(params: RationalystEmbeddingParams) -> list[str]:
    """What an embedding depends on besides the text: the model and its precision."""
    if params.embedder == HASHING:
        return [HASHING, str(HashingEmbedder.dimensions)]
    folder = Path(model_folder(params.embedder))
    sizes = [f"{path.name}:{path.stat().st_size}" for path in sorted(folder.glob("*.safetensors"))]
    return [params.embedder, params.dtype, *sizes]


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1 along the last axis; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))
