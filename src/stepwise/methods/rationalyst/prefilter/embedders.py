"""Texts as unit vectors: by a sentence-transformers model at full speed, or by hashed words where there is none."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from stepwise.generation.engine.batching import plan
from stepwise.methods.rationalyst.corpus.ngrams import ngrams, word_hashes
from stepwise.methods.rationalyst.corpus.packaged_models import model_folder
from stepwise.models.loading import ModelError
from stepwise.params.rationalyst import RationalystEmbeddingParams

HASHING = "hashing"
WIDTHS = 16
"""Batches are as wide as a multiple of this: for each shape that a processor's kernels meet, they keep some memory."""


class Embedder(Protocol):
    """Texts to vectors."""

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of at least one text, float32, shape (texts, dimensions), in the order of the texts."""
        ...


class HashingEmbedder:
    """Counts of words and pairs of words, hashed into a fixed number of places. It knows words, not meanings.

    It is what runs where no model is installed: a stand-in for tests and continuous integration.
    """

    dimensions = 4096

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of log(1 + count)."""
        found = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        for row, text in zip(found, texts, strict=True):
            hashed = word_hashes(text)
            places = np.concatenate([ngrams(hashed, 1), ngrams(hashed, 2)]) % np.uint64(self.dimensions)
            row += np.log1p(np.bincount(places.astype(np.int64), minlength=self.dimensions))
        return normalised(found)


class SentenceEmbedder:
    """A sentence-transformers model over batches of about equally long texts, of at most so many tokens.

    The library's own `encode` sorts by characters and takes 32 texts a batch, however long they are. `bfloat16` is for
    the matrix products alone: weights, sums and pooling stay in float32, which halves the error of a cosine.
    """

    def __init__(self, source: str, dtype: str, batch_tokens: int) -> None:
        from sentence_transformers import SentenceTransformer

        folder = model_folder(source)
        try:
            self.model = SentenceTransformer(folder)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"{source} is no sentence-transformers model ({error}); set rationalyst_embedding.embedder"
            ) from error
        self.bfloat16 = dtype == "bfloat16"
        self.batch_tokens = batch_tokens

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors; a text longer than the model reads is cut off at its end."""
        import torch

        ids: list[list[int]] = self.model.tokenizer(
            list(texts), truncation=True, max_length=self.model.max_seq_length, return_attention_mask=False,
            return_token_type_ids=False,
        )["input_ids"]  # fmt: skip
        found: list[Any] = [None] * len(texts)
        for batch in plan([self._width(one) for one in ids], 1, 0, self.batch_tokens):
            places = [row.prompt for row in batch]
            with torch.inference_mode(), torch.autocast(self.model.device.type, torch.bfloat16, enabled=self.bfloat16):
                vectors = self.model(self._features([ids[place] for place in places]))["sentence_embedding"]
            for place, vector in zip(places, vectors.float().cpu().numpy(), strict=True):
                found[place] = vector
        return normalised(np.stack(found).astype(np.float32))

    def _features(self, rows: list[list[int]]) -> dict[str, Any]:
        """Padded ids and their mask."""
        import torch

        device = self.model.device
        lengths = torch.tensor([len(row) for row in rows], device=device)
        width = max(map(self._width, rows))
        padding = self.model.tokenizer.pad_token_id or 0
        ids = torch.tensor([row + [padding] * (width - len(row)) for row in rows], device=device)
        mask = (torch.arange(width, device=device)[None, :] < lengths[:, None]).long()
        return {"input_ids": ids, "attention_mask": mask}

    def _width(self, row: list[int]) -> int:
        """Length with padding; no more than the model reads."""
        return max(len(row), min(-(-len(row) // WIDTHS) * WIDTHS, self.model.max_seq_length or len(row)))


@functools.cache
def get_embedder(source: str, dtype: str, batch_tokens: int) -> Embedder:
    """The embedder that parameters name, loaded once a process. Raises ModelError."""
    return HashingEmbedder() if source == HASHING else SentenceEmbedder(source, dtype, batch_tokens)


def fingerprint(params: RationalystEmbeddingParams) -> list[str]:
    """What decides an embedding, besides the text: the model and its precision."""
    if params.embedder == HASHING:
        return [HASHING, str(HashingEmbedder.dimensions)]
    folder = Path(model_folder(params.embedder))
    sizes = [f"{path.name}:{path.stat().st_size}" for path in sorted(folder.glob("*.safetensors"))]
    return [params.embedder, params.dtype, *sizes]


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1 along the last axis; zeros stay zeros."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0))
