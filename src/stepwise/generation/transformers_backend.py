"""Completions and log-probabilities from a transformers model in this process, decoder-only or encoder-decoder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from stepwise.generation import journal as journals
from stepwise.generation.base import Completion, GenerationError, Sampling
from stepwise.generation.engine import attention
from stepwise.generation.engine.batching import Row, plan
from stepwise.generation.engine.decoding import Adjust, decode
from stepwise.generation.engine.prefill import READ_TOKENS, CausalReader, EncoderDecoderReader, Reader
from stepwise.generation.engine.sampling import uniforms
from stepwise.generation.engine.scoring import Pack, groups_of, packs, score_causal, score_encoder_decoder
from stepwise.generation.engine.stopping import Stopping
from stepwise.progress import Progress
from stepwise.records import Prompt
from stepwise.tokens import encode_many, tokenise


class TransformersBackend:
    """A Backend over a loaded model and its tokenizer.

    Prompts are sorted by length and batched so that at most `batch_tokens` tokens are cached at once. A prompt is read
    once for all its samples, and finished rows leave the batch. Raises GenerationError for a model whose attention
    does not support a full mask.
    """

    name = "transformers"

    def __init__(
        self, model: Any, tokenizer: Any, *, batch_tokens: int, fingerprint: str = "", adjust: Adjust | None = None
    ) -> None:
        """`fingerprint` identifies the weights in journals (default: their hash); `adjust` may change logits.

        A model in main memory is moved to the GPU if there is one.
        """
        _check_attention(model.config)
        self.model = placed(model)
        self.tokenizer = tokenizer
        self.batch_tokens = batch_tokens
        self.adjust = adjust
        self.seq2seq = bool(model.config.is_encoder_decoder)
        self.ends = _end_tokens(model, tokenizer)
        self._fingerprint = fingerprint

    def identity(self) -> str:
        """See Backend. The first call hashes the weights unless the fingerprint is known."""
        return journals.content_key(self._identity())

    def generate(
        self, prompts: Sequence[Prompt], sampling: Sampling, *, journal: Path | None = None
    ) -> list[list[Completion]]:
        """See Backend. `token_ids` and `logprobs` include the end token and the tokens of the stop string."""
        ids = encode_many(self.tokenizer, prompts)
        self._check_lengths(prompts, ids, sampling.max_new_tokens)
        stopping = Stopping(self.tokenizer, self.ends, sampling.stop)
        batches = plan([len(prompt_ids) for prompt_ids in ids], sampling.n, sampling.max_new_tokens, self.batch_tokens)
        identity = self._identity() if journal is not None else []

        def key(batch: list[Row]) -> str:
            rows = [[*prompts[row.prompt], row.sample] for row in batch]
            return journals.content_key("generate", identity, asdict(sampling), rows)

        progress = Progress("generating", len(prompts) * sampling.n)

        def compute(batch: list[Row]) -> list[dict[str, Any]]:
            return journals.pack(self._decode(batch, prompts, ids, sampling, stopping, progress))

        completions: dict[Row, Completion] = {}
        fast = not self.seq2seq and attention.serves(self.model)
        with _evaluating(self.model), attention.decoding_attention(self.model) if fast else nullcontext():
            for batch, results in journals.run(journal, batches, key, compute, progress):
                completions.update(zip(batch, journals.unpack(results), strict=True))
        return [[completions[Row(prompt, sample)] for sample in range(sampling.n)] for prompt in range(len(prompts))]

    def score(self, prefix: Prompt, continuations: Sequence[str]) -> list[tuple[float, ...]]:
        """See Backend."""
        return self.score_many([(prefix, continuations)])[0]

    def score_many(
        self, items: Sequence[tuple[Prompt, Sequence[str]]], *, journal: Path | None = None
    ) -> list[list[tuple[float, ...]]]:
        """`score` of many prefixes, several per forward pass; a prefix and its continuations share a row."""
        packed, owners = self._pack(items)
        batches = groups_of(packed, READ_TOKENS)
        identity = self._identity() if journal is not None else []
        score = score_encoder_decoder if self.seq2seq else score_causal

        def key(batch: list[int]) -> str:
            rows = [[packed[number].prefix, packed[number].continuations] for number in batch]
            return journals.content_key("score", identity, rows)

        progress = Progress("scoring", len(packed))

        def compute(batch: list[int]) -> list[list[list[float]]]:
            chosen = [packed[number] for number in batch]
            scores = score(self.model, chosen, self._filler)
            progress.add(len(chosen), sum(pack.tail for pack in chosen))
            return scores

        scores: list[list[tuple[float, ...]]] = [[() for _ in continuations] for _, continuations in items]
        with _evaluating(self.model):
            for batch, results in journals.run(journal, batches, key, compute, progress):
                for number, scores_of_pack in zip(batch, results, strict=True):
                    for place, values in zip(packed[number].numbers, scores_of_pack, strict=True):
                        scores[owners[number]][place] = tuple(values)
        return scores

    def _pack(self, items: Sequence[tuple[Prompt, Sequence[str]]]) -> tuple[list[Pack], list[int]]:
        """The packs of all items, and the item that each pack belongs to."""
        prefixes = encode_many(self.tokenizer, [prefix for prefix, _ in items])
        packed: list[Pack] = []
        owners: list[int] = []
        for number, ((prefix, continuations), ids) in enumerate(zip(items, prefixes, strict=True)):
            texts = tokenise(self.tokenizer, continuations)
            self._check_lengths([prefix], [ids], max(map(len, texts), default=0))
            packs_of_item = packs(ids, texts) if any(texts) else []
            packed += packs_of_item
            owners += [number] * len(packs_of_item)
        return packed, owners

    def _decode(
        self,
        batch: list[Row],
        prompts: Sequence[Prompt],
        ids: Sequence[list[int]],
        sampling: Sampling,
        stopping: Stopping,
        progress: Progress,
    ) -> list[Completion]:
        """Completions of one batch, in which rows of the same prompt are neighbours and the longest prompt is first."""
        distinct = list(dict.fromkeys(row.prompt for row in batch))
        place = {prompt: index for index, prompt in enumerate(distinct)}
        reader = self._reader([ids[prompt] for prompt in distinct], [place[row.prompt] for row in batch], sampling)
        steps = sampling.max_new_tokens
        chances = None
        if sampling.temperature > 0:
            chances = np.stack([uniforms(sampling.seed, prompts[row.prompt], row.sample, steps) for row in batch])
        hook = self.adjust

        def adjust(logits: torch.Tensor, rows: Sequence[int], step: int) -> torch.Tensor:
            return logits if hook is None else hook(logits, [batch[row].prompt for row in rows], step)

        return decode(reader, len(batch), sampling, stopping, progress, chances, adjust if hook is not None else None)

    def _reader(self, prompts: list[list[int]], owners: list[int], sampling: Sampling) -> Reader:
        kind = EncoderDecoderReader if self.seq2seq else CausalReader
        return kind(self.model, prompts, owners, self._filler, sampling.max_new_tokens)

    @property
    def _filler(self) -> int:
        """Any token will do: padding is never attended to."""
        pad = self.tokenizer.pad_token_id
        return int(pad) if pad is not None else 0

    def _check_lengths(self, prompts: Sequence[Prompt], ids: Sequence[list[int]], new_tokens: int) -> None:
        limit = getattr(self.model.config, "max_position_embeddings", None)
        for number, (prompt, prompt_ids) in enumerate(zip(prompts, ids, strict=True)):
            text = "".join(prompt)
            if not prompt_ids:
                raise GenerationError(f"prompt {number} ({text[:40]!r}) has no tokens; it needs at least one")
            if limit and not self.seq2seq and len(prompt_ids) + new_tokens > limit:
                raise GenerationError(
                    f"prompt {number} ({text[:40]!r}...) has {len(prompt_ids)} tokens; with {new_tokens} new ones it "
                    f"exceeds the model's {limit}; shorten the prompt, lower max_new_tokens or use a longer model"
                )

    def _identity(self) -> list[str | int]:
        """What decides a result to the last digit, besides text and sampling. Only a journal needs it."""
        self._fingerprint = self._fingerprint or weights_hash(self.model)
        return [self._fingerprint, str(self.model.dtype), self.batch_tokens]


def placed(model: Any) -> Any:
    """The model, moved from main memory to the GPU if there is one; training has placed its model itself."""
    return model.to("cuda") if model.device.type == "cpu" and torch.cuda.is_available() else model


def weights_hash(model: Any) -> str:
    """Hash of names, types and bytes of all weights."""
    digest = hashlib.blake2b(digest_size=16)
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


@contextmanager
def _evaluating(model: Any) -> Iterator[None]:
    """No gradients and no dropout inside; the model's mode is restored afterwards."""
    training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        model.train(training)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    configured = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    tokens = configured if isinstance(configured, list) else [configured]
    return frozenset(int(token) for token in (*tokens, tokenizer.eos_token_id) if token is not None)


def _check_attention(config: Any) -> None:
    text = config.get_text_config()
    kinds = set(getattr(text, "layer_types", None) or ["full_attention"])
    sliding = getattr(text, "sliding_window", None) and getattr(text, "use_sliding_window", True)
    if kinds != {"full_attention"} or (sliding and not getattr(text, "layer_types", None)):
        raise GenerationError(
            f"{config.model_type} has layers that are not full attention; serve it and use the openai backend"
        )
    if config._attn_implementation not in ("sdpa", "eager"):
        raise GenerationError(
            f"attention {config._attn_implementation!r} supports no full mask; load the model with "
            'attn_implementation="sdpa"'
        )
